from django.urls import include, path, register_converter
from django.views.generic import RedirectView

from portal.site.collections import views as collections
from portal.site.converters import NameConverter, NamespaceConverter
from portal.site.own_access import tokens as own_tokens
from portal.site.own_access import views as own_access
from portal.site.planner import views as planner
from portal.site.transparency import views as transparency
from portal.site.usage import views as usage_sums
from portal.site.views import (
    checks,
    home,
    inbox,
    licence,
    model,
    namespaces,
    record,
    theme,
    typed,
    upload,
    usage,
    verify,
)
from portal.site.views.archives import bundle, exports, my_data

register_converter(NamespaceConverter, "namespace")
register_converter(NameConverter, "repo_name")

app_name = "site"
urlpatterns = [
    path("", home.home, name="home"),
    path("access", own_access.access, name="access"),
    path(
        "tokens/for/<namespace:namespace>/<repo_name:name>",
        own_tokens.model_token,
        name="model_token",
    ),
    path("downloads", own_access.downloads, name="own_downloads"),
    # Addresses that letters have carried.
    path("requests", RedirectView.as_view(url="/access?view=requests"), name="own_requests"),
    path("grants", RedirectView.as_view(url="/access?view=grants"), name="own_grants"),
    path("operators/checks", checks.checks, name="checks"),
    path("theme", theme.choose_theme, name="theme"),
    path("settings/typed/discard", typed.discard_typed, name="discard_typed"),
    path("record", record.record, name="record"),
    path("record/heads.txt", record.heads, name="record_heads"),
    path("record/storage", verify.storage, name="storage"),
    path("record/manifest-key.pem", verify.current_key, name="manifest_key"),
    path("record/manifest-keys/<slug:fingerprint>.pem", verify.known_key, name="known_key"),
    path("planner", planner.planner, name="planner"),
    path("transparency", transparency.transparency, name="transparency"),
    path("transparency.csv", transparency.transparency_csv, name="transparency_csv"),
    path("transparency.json", transparency.transparency_json, name="transparency_json"),
    path("usage", usage_sums.usage, name="usage"),
    path("usage.csv", usage_sums.usage_csv, name="usage_csv"),
    path("downloads/<str:namespace>/<str:name>", usage.downloads, name="downloads"),
    path("exports/<str:namespace>/<str:name>", exports.exports, name="exports"),
    path(
        "exports/<str:namespace>/<str:name>/<slug:rows>.<slug:form>",
        exports.export,
        name="export",
    ),
    path("queue/<int:request_id>/bundle.zip", bundle.bundle, name="bundle"),
    path("requests/<int:request_id>/bundle.zip", bundle.bundle, name="own_bundle"),
    path("settings/my-data", my_data.my_data, name="my_data"),
    path("inbox", inbox.inbox, name="inbox"),
    path("inbox/address", inbox.ask_address, name="ask_address"),
    path("inbox/address/<str:signed>", inbox.address_again, name="address_again"),
    path("inbox/<int:message_id>", inbox.letter, name="letter"),
    path("inbox/<int:message_id>/again", inbox.again, name="letter_again"),
    path("demo/mail", inbox.demo_mail, name="demo_mail"),
    path("", include("portal.site.operators.urls")),
    path("", include("portal.site.labs.urls")),
    path(
        "collections/<namespace:namespace>/<repo_name:slug>",
        collections.collection,
        name="collection",
    ),
    path("licences/<slug:slug>/<str:version>.txt", licence.licence_text, name="licence_text"),
    path("licences/<slug:slug>/<str:version>", licence.licence, name="licence"),
    path(
        "licences/<slug:slug>/<str:version>/changes/<str:other>",
        licence.licence_changes,
        name="licence_changes",
    ),
    path("<namespace:namespace>/<repo_name:name>/commit/<str:commit>", model.commit, name="commit"),
    path("<namespace:namespace>/<repo_name:name>/commits", model.history, name="history"),
    path(
        "<namespace:namespace>/<repo_name:name>/commits/<path:revision>",
        model.history,
        name="history_of",
    ),
    path(
        "<namespace:namespace>/<repo_name:name>/verify/<path:revision>",
        verify.verify,
        name="verify",
    ),
    path("<namespace:namespace>/<repo_name:name>/upload", upload.upload, name="upload"),
    path("<namespace:namespace>/<repo_name:name>/tree/<path:rest>", model.place, name="tree"),
    path("<namespace:namespace>/<repo_name:name>/blob/<path:rest>", model.place, name="blob"),
    # last: the widest. The Hub's addresses have a slash at their end now and then.
    path("<namespace:namespace>/<repo_name:name>/", model.unslashed, name="model_slash"),
    path("<namespace:namespace>/<repo_name:name>", model.model, name="model"),
    path("<namespace:namespace>/", namespaces.unslashed, name="namespace_slash"),
    path("<namespace:namespace>", namespaces.namespace, name="namespace"),
]
