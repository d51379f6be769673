"""The web tier's database: sessions and the pool belong to the Flask application."""

from flask_sqlalchemy import SQLAlchemy

from shared.models import Base

db = SQLAlchemy(metadata=Base.metadata)
