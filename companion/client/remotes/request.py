"""One request to one host, repeated where that may help. containerd: request.doWithRetries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import requests

from companion.client.reference import Reference
from companion.client.remotes.authorizer import Authorizer
from companion.client.remotes.hosts import Host
from companion.client.remotes.transport import Transport

MAX_ATTEMPTS = 6

_AGAIN = (408, 429)


@dataclass(frozen=True, slots=True)
class Requests:
    """Asks about one repository."""

    transport: Transport
    authorizer: Authorizer
    reference: Reference

    def send(
        self, method: str, host: Host, kind: str, object: str, headers: Mapping[str, str]
    ) -> requests.Response:
        """Return the answer, of any status; its body is not read yet. Raises `RegistryError`."""
        url = host.url(self.reference, kind, object)
        scope = f"repository:{self.reference.repository}:pull"

        def authorization(target: str) -> str | None:
            return self.authorizer.authorization(self.transport, target, scope)

        answers: list[requests.Response] = []
        while True:
            answers.append(answer := self.transport.send(method, url, headers, authorization))
            # Some registries do not know HEAD.
            get = answer.status_code == 405 and method == "HEAD" and kind == "manifests"
            if len(answers) == MAX_ATTEMPTS or not (get or self._again(answers, host)):
                return answer
            method = "GET" if get else method
            answer.close()

    def _again(self, answers: list[requests.Response], host: Host) -> bool:
        if answers[-1].status_code != 401:
            return answers[-1].status_code in _AGAIN
        try:
            return self.authorizer.add_responses(answers, host)
        except BaseException:
            answers[-1].close()
            raise
