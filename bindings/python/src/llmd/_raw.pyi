# SPDX-License-Identifier: Apache-2.0
# The raw module is made by SWIG and private; the package around it is what is typed.
from typing import Any

def __getattr__(name: str) -> Any: ...
