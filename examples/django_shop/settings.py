"""Settings: two of them matter for funnelkit."""

from pathlib import Path

SECRET_KEY = "only for the example"  # noqa: S105
ALLOWED_HOSTS = ["localhost", "testserver"]
INSTALLED_APPS = ["shop"]
ROOT_URLCONF = "shop.views"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path("shop.db").absolute(),
        "ATOMIC_REQUESTS": True,  # a request is a transaction: all of it or nothing
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},  # in SQLite, who has only read may be too late to write
    }
}
