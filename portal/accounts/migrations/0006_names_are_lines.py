"""Make each name the line that it must be from now on: an account is saved whole at times."""

from django.db import migrations

from portal.lines import LINK, line_fault, plain_line


def make_lines(apps, schema_editor):
    users = apps.get_model("accounts", "User").objects
    for person in users.only("name").iterator():
        if line_fault(person.name):
            name = plain_line(LINK.sub(" ", person.name)) or person.username
            users.filter(pk=person.pk).update(name=name)


class Migration(migrations.Migration):

    dependencies = [("accounts", "0005_address_any_case")]

    operations = [migrations.RunPython(make_lines, migrations.RunPython.noop)]
