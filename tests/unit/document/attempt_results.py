"""What the workers of these tests bring back."""

from events.document.attempts import Failure, Outcome

TEXT = Outcome(result_ref="results/1", pages=3, characters=900, text_sha256="ab")
FLAKY = Failure(error_class="Flaky", error_message="not now", fingerprint="flaky", retryable=True)
BROKEN = Failure(
    error_class="Damaged", error_message="the file is damaged", fingerprint="d", retryable=False
)
