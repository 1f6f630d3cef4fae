"""The one error that users meet: a sentence with what is wrong, where, and the cure."""


class InputError(Exception):
    """Something the user gave can't be used; its message is one plain sentence."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback."""
        return [str(self)]
