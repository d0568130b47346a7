"""A form in the look: label, hint, error, control; the same words in the summary."""

from django import forms
from django.template import Context, Template

from portal.site.templatetags import look_forms


class Research(forms.Form):
    outputs = forms.CharField(
        label="What will you publish?",
        help_text="A paper, code.",
        error_messages={"required": "Say what you intend to publish"},
    )
    others = forms.ChoiceField(
        label="Anyone else?", choices=[("no", "No"), ("yes", "Yes")], widget=forms.RadioSelect
    )
    members = forms.IntegerField(label="How many?", required=False)
    noncommercial = forms.BooleanField(label="The work is noncommercial")


def render(body: str, form: forms.Form) -> str:
    return Template("{% load look_forms %}" + body).render(Context({"form": form}))


def test_label_hint_error_control_stand_in_that_order() -> None:
    html = render("{% field form.outputs %}", Research({}))
    places = [html.index(part) for part in ("<label", "-h", "-e", "<input")]
    assert places == sorted(places)
    assert 'aria-describedby="id_outputs-h id_outputs-e"' in html
    assert 'aria-invalid="true"' in html


def test_a_fresh_field_is_not_invalid() -> None:
    html = render("{% field form.outputs %}", Research())
    assert "aria-invalid" not in html
    assert 'aria-describedby="id_outputs-h"' in html


def test_the_summary_says_the_same_words_and_leads_to_the_fields() -> None:
    html = render("{% error_summary form %}", Research({}))
    assert "Three answers need your attention" in html
    assert '<a href="#id_outputs">Say what you intend to publish</a>' in html
    assert '<a href="#id_others_0">Choose an answer to “Anyone else?”</a>' in html
    assert '<a href="#id_noncommercial">Tick “The work is noncommercial”</a>' in html


def test_the_summary_names_a_field_whose_error_does_not() -> None:
    form = Research({"outputs": "A paper", "others": "no", "noncommercial": "on"})
    form.add_error("members", "Choose 1 to 20.")
    html = render("{% error_summary form %}", form)
    assert '<li>How many? <a href="#id_members">Choose 1 to 20.</a></li>' in html
    named = render("{% error_summary form %}", Research({}))
    assert '<li><a href="#id_others_0">Choose an answer to “Anyone else?”</a></li>' in named


def test_no_summary_without_errors() -> None:
    assert render("{% error_summary form %}", Research()).strip() == ""


def test_a_choice_reveals_a_question_and_optional_ones_say_so() -> None:
    html = render('{% field form.others reveals=form.members on="yes" %}', Research())
    assert html.count("data-reveals") == 1
    assert html.index('value="yes"') < html.index("data-reveals") < html.index("shown-if")
    assert '<span class="quiet">optional</span>' in html


def test_relabelled_errors_use_the_new_words() -> None:
    form = Research({})
    look_forms.relabel(form, members="Members", others="Who else?")
    assert look_forms.messages_of(form["others"]) == ["Choose an answer to “Who else?”"]
