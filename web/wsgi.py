"""What gunicorn and the flask command load: `web.wsgi:app`."""

from shared import log
from shared.config import settings_or_exit
from web.app import create_app

settings = settings_or_exit()
log.configure(settings.log_file)
app = create_app(settings)
