from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "portal.outbox"
    default_auto_field = "django.db.models.BigAutoField"
