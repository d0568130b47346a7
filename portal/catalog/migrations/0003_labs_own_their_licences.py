"""Give each licence to the lab that uses it alone."""

from django.db import migrations


def give_namespaces(apps, schema_editor):
    """Give each licence to the lab that alone has models under it: so far its publishers might."""
    Licence = apps.get_model("catalog", "Licence")
    ModelRepo = apps.get_model("catalog", "ModelRepo")
    for licence in Licence.objects.filter(namespace=None):
        under = ModelRepo.objects.filter(licence=licence).order_by()
        namespaces = set(under.values_list("namespace", "namespace__person"))
        if len(namespaces) == 1:
            namespace, person = namespaces.pop()
            if person is None:
                Licence.objects.filter(pk=licence.pk).update(namespace_id=namespace)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_licences_have_namespaces")]

    operations = [migrations.RunPython(give_namespaces, migrations.RunPython.noop)]
