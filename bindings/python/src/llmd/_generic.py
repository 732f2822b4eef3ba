# SPDX-License-Identifier: Apache-2.0
"""typing's Generic and overload for the type checker only: importing typing doubles the time that
`import llmd` takes."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic as Generic
    from typing import TypeVar as TypeVar
    from typing import overload as overload
else:

    class Generic:
        """Allows Class[Item] at run time and forgets it."""

        def __class_getitem__(cls, _item):
            return cls

    def TypeVar(name, **_bound):
        return name

    def overload(function):
        return function
