"""A call that is sent again because its answer was lost is not carried out again."""

from __future__ import annotations

import pytest
from werkzeug import Request, Response
from werkzeug.test import Client

from local_aws.repeats import KEPT, LARGEST, Repeats


class Counter:
    """An application that numbers its answers."""

    def __init__(self, status: int = 200, length: int = 1) -> None:
        self.calls, self.status, self.length = 0, status, length

    @property
    def client(self) -> Client:
        @Request.application
        def application(request: Request) -> Response:
            self.calls += 1
            headers = {"x-number": str(self.calls)}
            return Response(request.data * self.length, self.status, headers)

        return Client(Repeats(application))


def call(client: Client, name: str | None, method: str = "POST") -> tuple[str, str]:
    headers = {} if name is None else {"amz-sdk-invocation-id": name}
    answer = client.open(method=method, headers=headers, data=b"a")
    return answer.get_data(as_text=True), answer.headers["x-number"]


def test_a_repeated_call_gets_the_answer_that_was_lost() -> None:
    client = Counter().client
    assert [call(client, name) for name in ("one", "one", "two", "one")] == [
        ("a", "1"),
        ("a", "1"),
        ("a", "2"),
        ("a", "1"),
    ]


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_call_that_failed_is_tried_again(status: int) -> None:
    client = Counter(status).client
    assert [call(client, "one")[1] for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize(("name", "method"), [(None, "POST"), ("one", "GET")])
def test_calls_that_only_read_or_have_no_id_are_answered_again(
    name: str | None, method: str
) -> None:
    client = Counter().client
    assert [call(client, name, method)[1] for _ in range(2)] == ["1", "2"]


def test_large_and_old_answers_are_not_kept() -> None:
    large = Counter(length=LARGEST + 1).client
    assert [call(large, "one")[1] for _ in range(2)] == ["1", "2"]
    many = Counter().client
    for number in range(KEPT + 1):
        call(many, str(number))
    assert call(many, "1")[1] == "2"
    assert call(many, "0")[1] == str(KEPT + 2)
