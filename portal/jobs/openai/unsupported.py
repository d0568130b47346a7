"""Refuse fields of other servers that would change the text or the answer's form.

Each is refused by name unless its value is null or neutral: unless it asks for what happens anyway.
A field that acts only through another (``mirostat_tau``, ``dry_base``) isn't listed: the other is.
Fields that change neither text nor form (``user``, ``metadata``) and unknown ones are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.jobs.errors import BadParameter


@dataclass(frozen=True)
class Unsupported:
    """A field that isn't offered. ``neutral``: the values that pass, besides null."""

    neutral: tuple[Any, ...]
    advice: str


def _advising(advice: str, **neutral: tuple[Any, ...]) -> dict[str, Unsupported]:
    return {name: Unsupported(values, advice) for name, values in neutral.items()}


UNSUPPORTED: dict[str, Unsupported] = {
    # what stands before the text
    **_advising("Write all that the model should read into the prompt.", suffix=("",)),
    **_advising(
        "Shorten the prompt yourself.", truncate_prompt_tokens=(), truncate=(), n_keep=(0,)
    ),
    **_advising(
        "Give token ids as the prompt: they are taken as they are.",
        add_special_tokens=(True,),
        add_bos_token=(True,),
    ),
    **_advising("Give text or token ids as the prompt.", prompt_embeds=([], ""), image_data=([],)),
    **_advising(
        "Write it into the prompt, or send messages to /v1/chat/completions.",
        messages=([],),
        system=("",),
        tools=([],),
        tool_choice=("none", "auto"),
        functions=([],),
        function_call=("none", "auto"),
        chat_template=(),
        chat_template_kwargs=({},),
        documents=([],),
    ),
    **_advising(
        "These are base models: they continue text and nothing else.",
        modalities=(["text"], []),
        audio=(),
        thinking=({"type": "disabled"}, False),
        enable_thinking=(False,),
        reasoning=({},),
        reasoning_effort=("none",),
        thinking_token_budget=(-1,),
        verbosity=(),
        web_search_options=(),
    ),
    **_advising(
        "Put its members beside prompt.",
        extra_body=({},),
        parameters=({},),
        options=({},),
        sampling_params=({},),
        generation_config=({},),
    ),
    # how long it gets
    **_advising(
        "Use max_tokens.",
        max_completion_tokens=(),
        max_output_tokens=(),
        max_new_tokens=(),
        max_length=(),
        n_predict=(),
        num_predict=(),
    ),
    **_advising(
        "Use max_tokens, which bounds the time too.", max_time=(), t_max_predict_ms=(0, -1)
    ),
    **_advising("Use min_tokens.", min_new_tokens=(0,), min_length=(0,)),
    **_advising("Use stop.", stop_sequences=([],), stop_strings=([], ""), stop_regex=([], "")),
    **_advising("Use stop_token_ids.", eos_token_id=()),
    **_advising("Use ignore_eos.", ban_eos_token=(False,)),
    **_advising("Use include_stop_str_in_output.", no_stop_trim=(False,)),
    **_advising("Leave it out.", n_indent=(0,)),
    # how tokens are drawn
    **_advising(
        "Use temperature, top_p, top_k and min_p.",
        typical_p=(1,),
        typical=(1,),
        top_a=(0,),
        tfs=(1,),
        tfs_z=(1,),
        mirostat=(0,),
        mirostat_mode=(0,),
        epsilon_cutoff=(0,),
        eta_cutoff=(0,),
        penalty_alpha=(0,),
        xtc_probability=(0,),
        dynatemp_range=(0,),
        dynamic_temperature=(False,),
        top_n_sigma=(-1, 0),
        smoothing_factor=(0,),
        min_keep=(0, 1),
        min_tokens_to_keep=(0, 1),
        samplers=(),
        sampler_order=(),
        temperature_last=(False,),
    ),
    **_advising("Use temperature: 0 takes the likeliest token, over 0 draws.", do_sample=(True,)),
    **_advising(
        "There is no beam search. Use best_of, which takes the likeliest of several samples.",
        use_beam_search=(False,),
        num_beams=(1,),
        num_beam_groups=(1,),
        beam_width=(1,),
        length_penalty=(1,),
        early_stopping=(False,),
        diversity_penalty=(0,),
    ),
    **_advising("Use n.", num_return_sequences=(1,)),
    **_advising(
        "Use repetition_penalty, presence_penalty or frequency_penalty.",
        no_repeat_ngram_size=(0,),
        encoder_repetition_penalty=(1,),
        encoder_no_repeat_ngram_size=(0,),
        repeat_penalty=(1,),
        repeat_last_n=(-1,),
        penalize_nl=(False,),
        dry_multiplier=(0,),
        exponential_decay_length_penalty=(),
        repetition_detection=({},),
    ),
    **_advising(
        "Use logit_bias: -100 all but bans a token, 100 all but forces it.",
        bad_words=([],),
        bad_words_ids=([],),
        banned_tokens=([],),
        allowed_token_ids=([],),
        suppress_tokens=([],),
        begin_suppress_tokens=([],),
        sequence_bias=([], {}),
        force_words_ids=([],),
        constraints=([],),
        forced_bos_token_id=(),
        forced_eos_token_id=(),
        trace_decode_token_ids=([],),
    ),
    **_advising(
        "Use structured_outputs, where the model’s engine has it.",
        guided_json=(),
        guided_regex=("",),
        guided_choice=([],),
        guided_grammar=("",),
        guided_json_object=(False,),
        structural_tag=("",),
        grammar=("",),
        grammar_string=("",),
        json_schema=("",),
        regex=("",),
        ebnf=("",),
    ),
    **_advising(
        "Only the prompt guides the text.",
        guidance_scale=(1,),
        cfg_scale=(1,),
        negative_prompt=("",),
        watermark=(False,),
        watermarking=(False,),
        token_healing=(False,),
    ),
    **_advising(
        "No program of yours runs here. Use logit_bias.",
        logits_processors=([],),
        custom_logit_processor=("",),
        vllm_xargs=({},),
        extra_args=({},),
    ),
    **_advising(
        "A request runs the model that it names. Ask for another as model.",
        lora=([],),
        lora_path=("",),
        lora_name=("",),
        lora_request=(),
        adapters=([], {}),
        adapter_id=("",),
    ),
    **_advising(
        "People take turns, and nobody’s requests go first.",
        priority=(0,),
        kv_transfer_params=({},),
        ec_transfer_params=({},),
    ),
    # what the answer holds
    **_advising("Use logprobs.", top_logprobs=(0,), n_probs=(0,), top_n_tokens=(0,)),
    **_advising("Use prompt_logprobs.", decoder_input_details=(False,)),
    **_advising("Use echo.", return_full_text=(False,)),
    **_advising("Use return_token_ids.", return_tokens_as_token_ids=(False,)),
    **_advising(
        "Log-probabilities are the model’s own, of the likeliest tokens.",
        logprobs_mode=("raw_logprobs",),
        logprob_token_ids=([],),
        prompt_logprob_token_ids=([],),
        prompt_logprob_start=(0,),
        post_sampling_probs=(False,),
        output_scores=(False,),
    ),
    **_advising(
        "Answers hold text, and with logprobs each token’s own.",
        details=(False,),
        return_tokens=(False,),
        return_token_offsets=(False,),
        response_fields=([],),
        detokenize=(True,),
    ),
    **_advising(
        "Special tokens are left out of the text; with logprobs they have their entries.",
        skip_special_tokens=(True,),
        spaces_between_special_tokens=(True,),
        clean_up_tokenization_spaces=(False,),
    ),
    **_advising(
        "Use capture.",
        captures=([], {}),
        hidden_states=([], False),
        return_hidden_states=(False,),
        output_hidden_states=(False,),
        attention=([], False),
        attentions=([], False),
        output_attentions=(False,),
    ),
}

UNSUPPORTED_IN_STREAM_OPTIONS = _advising(
    "Use include_usage, which counts in a last chunk.", continuous_usage_stats=(False,)
)


def refuse_unsupported(
    data: Mapping[str, Any], known: Mapping[str, Unsupported] = UNSUPPORTED, *, inside: str = ""
) -> None:
    """Refuse the first field that would ask for what isn't offered. Raises BadParameter.

    ``inside``: the field that ``data`` is the value of.
    """
    for name, unsupported in known.items():
        if data.get(name) not in (None, *unsupported.neutral):
            message = f"{name} is not supported. {unsupported.advice}"
            raise BadParameter(message, field=inside or name)
