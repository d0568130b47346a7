"""Leave an address to one account: to whoever proved it, else to the oldest that claims it."""

from django.db import migrations
from django.db.models import Count
from django.db.models.functions import Lower


def leave_to_one(apps, schema_editor):
    users = apps.get_model("accounts", "User").objects
    addresses = apps.get_model("account", "EmailAddress").objects
    shared = (
        users.exclude(email="")
        .annotate(address=Lower("email"))
        .values("address")
        .annotate(accounts=Count("pk"))
        .filter(accounts__gt=1)
    )
    for address in shared.values_list("address", flat=True):
        claims = list(users.filter(email__iexact=address).order_by("pk"))
        proved = addresses.filter(email__iexact=address, verified=True).first()
        keeper = proved.user_id if proved else claims[0].pk
        others = [user.pk for user in claims if user.pk != keeper]
        addresses.filter(email__iexact=address, verified=False, user__in=others).delete()
        users.filter(pk__in=others).update(email="")


class Migration(migrations.Migration):

    dependencies = [("accounts", "0003_user_proved_at")]

    operations = [migrations.RunPython(leave_to_one, migrations.RunPython.noop)]
