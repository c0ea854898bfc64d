"""`WebhookPromotion`: a URL answers as expected."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from deploydb.domain import templates
from deploydb.domain.formatting import counted, in_words
from deploydb.domain.gates.checked import (
    IN_PLACES,
    LONGEST_ANSWER,
    Check,
    CheckedPromotion,
    Judged,
    check_template,
    check_url,
    quoted,
)
from deploydb.domain.gates.promotion import Checks, Names
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.requests import Answer, NoAnswer, Request
from deploydb.domain.suggestions import suggestion


class WebhookPromotion(CheckedPromotion, frozen=True, kw_only=True):
    """Passes when a URL answers with one of the expected statuses. It is asked again until it does. After the last
    retry another answer has failed; none is an error."""

    types: ClassVar[Names] = ("WebhookPromotion",)

    url: Annotated[str, Meta(max_length=8192, description=f"The URL. {IN_PLACES}")]
    method: Annotated[Literal["GET", "POST"], Meta(description="The method of the request.")] = "GET"
    body: Annotated[
        Annotated[str, Meta(max_length=8192)] | None, Meta(description=f"The body of a POST. {IN_PLACES}")
    ] = None
    headers: Annotated[dict[str, str], Meta(description="Further headers of the request.")] = field(
        default_factory=dict
    )
    expect: Annotated[
        tuple[int, ...], Meta(description="The statuses that pass.", extra_json_schema={"minItems": 1})
    ] = (200,)
    timeout: Annotated[timedelta, Meta(description="How long one answer may take.")] = timedelta(seconds=10)
    retries: Annotated[
        int,
        Meta(ge=0, le=10_000, description="How many further requests; then an answer that is not expected has failed."),
    ] = 10

    @property
    def address(self) -> str:
        return self.url

    @property
    def answer_within(self) -> timedelta:
        return self.timeout

    @property
    def patience(self) -> timedelta:
        return self.interval * self.retries

    def check(self, checks: Checks) -> None:
        super().check(checks)
        check_url(checks, ("url",), self.url)
        for name in templates.unknown_places(self.url):
            hint = suggestion(name, templates.PLACES)
            checks.problem(("url",), f"there is nothing to put in the place of {{{name}}}{hint}")
        if self.timeout > LONGEST_ANSWER:
            checks.problem(("timeout",), f"one answer may take {in_words(LONGEST_ANSWER)} at most")
        if self.body is not None and self.method == "GET":
            checks.problem(("body",), "a GET has no body: write method: POST")
        elif self.body is not None:
            headers = [(name, value) for name, value in self.headers.items() if isinstance(value, str)]
            check_template(checks, ("body",), templates.body(self.body, headers))
        if not self.expect or not all(100 <= status <= 599 for status in self.expect if isinstance(status, int)):
            checks.problem(("expect",), "expected statuses of HTTP, such as [200, 204]")
        for name, value in self.headers.items():
            if not name.isascii() or not isinstance(value, str) or "\n" in value or "\r" in value or ":" in name:
                checks.problem(("headers", name), "is no header")

    def request(self, deployment: Deployment) -> Request:
        """Its URL and body for a deployment, each value written for where it stands."""
        headers = tuple(self.headers.items())
        return Request(
            url=templates.url(self.url).fill(deployment),
            method=self.method,
            body=None if self.body is None else templates.body(self.body, headers).fill(deployment),
            headers=headers,
            timeout=self.timeout,
        )

    def judge(self, check: Check, answer: Answer | NoAnswer, now: datetime) -> Judged:
        """A status that is expected passes. Any other one is "not yet", until it has been asked often enough; no answer
        is an error, however often it is asked."""
        due = now + self.interval
        if isinstance(answer, NoAnswer):
            return Judged(outcome="errored", reason=answer.reason, last_report_key=answer.reason, due_at=due)
        if answer.status in self.expect:
            return Judged(outcome="passed", reason=str(answer.status), last_report_key="passed")
        key = f"{answer.status}, expected {' or '.join(str(status) for status in self.expect)}"
        body = f": {text}" if (text := quoted(answer.body)) else ""
        if check.attempts > self.retries:
            failed = f"{key}, after {counted(check.attempts, 'attempt')}{body}"
            return Judged(outcome="failed", reason=failed, last_report_key="failed")
        return Judged(outcome="pending", reason=f"{key}{body}", last_report_key=key, due_at=due)
