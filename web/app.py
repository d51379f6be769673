"""The web tier's application: session, blueprints, errors, nothing else."""

from pathlib import Path

from flask import Flask
from flask_migrate import Migrate

from shared.config import Settings
from shared.config import settings as environment_settings
from shared.db import engine_options
from web import auth, errors, limits, neighbours, openapi, requests
from web.accounts.activity import own_activity
from web.accounts.api_keys import own_keys
from web.accounts.commands import users_commands
from web.accounts.notifications import own_notifications, unsubscribing
from web.accounts.passwords import forgotten, own_password
from web.accounts.profile import new_address, own_account
from web.accounts.sessions import own_sessions
from web.accounts.sign_in import accounts
from web.accounts.sign_up import signing_up
from web.admin.routes import admin
from web.database import db
from web.dubbing.routes import dubbing
from web.health.routes import health
from web.imports.routes import fetched
from web.languages.routes import languages
from web.pages.routes import mail_pages
from web.videos.routes import videos
from web.webhooks.routes import webhooks

MIGRATIONS = Path(__file__).resolve().parents[1] / "shared" / "migrations"
RESOURCES = (
    accounts,
    signing_up,
    forgotten,
    new_address,
    unsubscribing,
    own_account,
    own_password,
    own_sessions,
    own_keys,
    own_activity,
    own_notifications,
    videos,
    fetched,
    dubbing,
    webhooks,
    languages,
    health,
    admin,
)


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
    limits.register(app, settings)
    auth.register(app, settings)
    requests.register_body(app)
    for resource in RESOURCES:
        app.register_api(resource)
    app.register_blueprint(openapi.pages)
    app.register_blueprint(mail_pages)
    app.cli.add_command(users_commands)
    return app
