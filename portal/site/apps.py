from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "portal.site"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.database import checks  # noqa: F401 (registers them)
