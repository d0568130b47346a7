from django.apps import AppConfig


class HubConfig(AppConfig):
    name = "portal.hub"
    default_auto_field = "django.db.models.BigAutoField"
