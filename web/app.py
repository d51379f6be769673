"""The web tier's application: session, blueprints, errors, nothing else."""

from pathlib import Path

from flask import Flask
from flask_migrate import Migrate

from shared.config import Settings
from shared.config import settings as environment_settings
from shared.db import engine_options
from web import auth, errors, neighbours, openapi, requests
from web.accounts.commands import users_commands
from web.accounts.routes import accounts
from web.database import db
from web.dubbing.routes import dubbing
from web.health.routes import health
from web.imports.routes import fetched
from web.languages.routes import languages
from web.videos.routes import videos
from web.webhooks.routes import webhooks

MIGRATIONS = Path(__file__).resolve().parents[1] / "shared" / "migrations"


def create_app(settings: Settings | None = None) -> Flask:
    """The application over `settings`, or over the environment's. Raises SettingsError."""
    settings = settings or environment_settings()
    app = openapi.make_app(__name__)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url.get_secret_value(),
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(pool_size=10),
    )
    db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS))
    neighbours.attach(app, settings)
    errors.register(app)
    requests.register_log(app)
    auth.register(app, settings)
    requests.register_body(app)
    for resource in (accounts, videos, fetched, dubbing, webhooks, languages, health):
        app.register_api(resource)
    app.register_blueprint(openapi.pages)
    app.cli.add_command(users_commands)
    return app
