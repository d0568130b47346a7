from django.apps import AppConfig


class BackupConfig(AppConfig):
    name = "portal.backup"
    default_auto_field = "django.db.models.BigAutoField"
