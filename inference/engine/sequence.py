"""Keep one sample's state between steps. Pure Python."""

from dataclasses import dataclass, field

from inference.engine.logits_adjustment import Adjuster
from inference.engine.outputs import PromptLogprobs
from inference.engine.sampling_params import SamplingParams
from inference.interp.spec import WhiteBox


@dataclass(eq=False)
class Sequence:
    """One sample of one request: its tokens, and how many of them the KV cache holds.

    max_tokens is decided (never None). deadline: on the engine's clock. computed: number of tokens
    whose keys and values are cached; 0 after preemption. captured: positions before it have been
    captured. adjuster: tells what the parameters change in the logits, if anything.
    """

    request_id: str
    index: int
    prompt_token_ids: tuple[int, ...] = field(repr=False)
    sampling: SamplingParams = field(repr=False)
    max_tokens: int
    seed: int = 0
    priority: int = 0
    deadline: float | None = None
    detokenize: bool = True
    arrival: int = 0
    output_token_ids: list[int] = field(default_factory=list, repr=False)
    white_box: WhiteBox | None = None
    computed: int = 0
    captured: int = 0
    block_table: tuple[int, ...] = ()
    finished: bool = False
    prompt_logprobs: PromptLogprobs | None = field(default=None, repr=False)
    adjuster: Adjuster | None = None

    @property
    def order(self) -> tuple[int, int, int]:
        """Sort key of turns: priority, then arrival, then sample."""
        return (self.priority, self.arrival, self.index)

    @property
    def length(self) -> int:
        """Number of tokens so far, prompt and output."""
        return len(self.prompt_token_ids) + len(self.output_token_ids)

    @property
    def capacity(self) -> int:
        """Number of tokens that it may grow to."""
        return len(self.prompt_token_ids) + self.max_tokens

    @property
    def pending(self) -> int:
        """Number of tokens not yet in the cache: the rest of the prompt, or the newest token."""
        return self.length - self.computed

    @property
    def scores_prompt(self) -> bool:
        """Tell whether this sample scores the prompt: the first one does, on behalf of all."""
        return self.sampling.prompt_logprobs is not None and self.index == 0

    @property
    def first_unscored(self) -> int:
        """Position of the first prompt token whose logprobs are still wanted."""
        return len(self.prompt_logprobs or [None])

    def append(self, token: int) -> None:
        """Add the token that was just sampled."""
        self.output_token_ids.append(token)
        if self.adjuster is not None:
            self.adjuster.add(token)

    def tokens(self, start: int, count: int) -> list[int]:
        """Return the tokens at positions start .. start + count - 1."""
        prompt = len(self.prompt_token_ids)
        output = self.output_token_ids[max(start - prompt, 0) : max(start + count - prompt, 0)]
        return [*self.prompt_token_ids[start : start + count], *output]
