"""Finding plugins: entry points, one by one, through pluggy, into a catalogue of classes.

A plugin that cannot be loaded is remembered with its reason: a warning if nobody uses it, a
refusal to start if the settings name it.  Two plugins of one name are always fatal, for a stray
package could otherwise replace `consent`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import SimpleNamespace
from typing import Any, get_type_hints

import msgspec
import pluggy

from gateway import API_VERSION, hookspecs
from gateway.errors import ConfigError
from gateway.plugin import Input, Middleware, Observer, Output, Plugin, PluginConfig
from gateway.tables import nearest

KINDS: tuple[tuple[str, type[Plugin]], ...] = (
    ("input", Input),
    ("middleware", Middleware),
    ("output", Output),
    ("observer", Observer),
)

PLAIN = ("limits", "routes")
"""Methods that are called, not awaited."""


class Found(msgspec.Struct, frozen=True):
    """A plugin class: where it comes from, what it is, what its settings look like."""

    name: str
    cls: type[Plugin]
    kinds: tuple[str, ...]
    settings: type[PluginConfig]
    origin: str
    """The distribution and its version."""


class Broken(msgspec.Struct, frozen=True):
    """An entry point that gave no plugin, and why."""

    name: str
    origin: str
    reason: str


class Catalogue(msgspec.Struct, frozen=True):
    """All plugins that were found, by name."""

    plugins: Mapping[str, Found]
    broken: tuple[Broken, ...] = ()

    def get(self, name: str, kind: str) -> Found:
        """Return a plugin of a kind.  Raises ConfigError with the reason, or a suggestion."""
        found = self.plugins.get(name)
        if found is not None and kind in found.kinds:
            return found
        if found is not None:
            kinds = " and ".join(found.kinds)
            raise ConfigError(f"plugin {name!r} is {kinds}, no {kind}")
        for broken in self.broken:
            if broken.name == name:
                raise ConfigError(
                    f"plugin {name!r} ({broken.origin}) cannot be used: {broken.reason}"
                )
        known = sorted(self.names(kind))
        near = nearest(name, known)
        hint = f"did you mean {near!r}?" if near else f"installed: {', '.join(known) or 'none'}"
        raise ConfigError(f"there is no {kind} {name!r}; {hint}")

    def names(self, kind: str = "") -> set[str]:
        """Return the names of all plugins, or those of one kind."""
        return {name for name, found in self.plugins.items() if not kind or kind in found.kinds}

    def always(self, kind: str) -> list[tuple[str, Found]]:
        """Return the plugins of a kind that work without being named, by name."""
        found = self.plugins.items()
        return sorted(
            (name, one)
            for name, one in found
            if kind in one.kinds and getattr(one.cls, "always", False)
        )


def discover(points: Iterable[EntryPoint] | None = None) -> Catalogue:
    """Load every entry point of the group `gateway.plugins`, or the given ones.

    Raises ConfigError if two plugins have one name.
    """
    if points is None:
        points = entry_points(group=hookspecs.GROUP)
    plugins: dict[str, Found] = {}
    broken: list[Broken] = []
    clashes: list[str] = []
    for point in sorted(points, key=lambda point: (_origin(point), point.name)):
        origin = _origin(point)
        try:
            classes = _classes(point)
        except _Unusable as reason:
            broken.append(Broken(point.name, origin, str(reason)))
            continue
        for cls in classes:
            try:
                found = _describe(cls, origin)
            except _Unusable as reason:
                name = getattr(cls, "name", None)
                if not isinstance(name, str) or not name.isidentifier():
                    name = point.name
                broken.append(Broken(name, origin, str(reason)))
                continue
            other = plugins.get(found.name)
            if other is not None:
                clashes.append(
                    f"two plugins are called {found.name!r}: one of {other.origin}, one of"
                    f" {origin}; uninstall one of them"
                )
            plugins[found.name] = found
    if clashes:
        raise ConfigError(*clashes)
    return Catalogue(plugins, tuple(broken))


class _Unusable(Exception):
    """Why an entry point gives no plugin, in one sentence."""


def _classes(point: EntryPoint) -> list[Any]:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        module = point.load()
    except (Exception, SystemExit) as error:
        raise _Unusable(
            f"importing {point.value} failed: {type(error).__name__}: {error}"
        ) from error
    try:
        manager.register(module, f"{_origin(point)}:{point.name}")
        manager.check_pending()
    except Exception as error:
        raise _Unusable(f"its hook does not fit: {' '.join(str(error).split())}") from error
    hooks = manager.hook.register.get_hookimpls()
    if not hooks:
        raise _Unusable(f"{point.value} has no @hookimpl def register()")
    if inspect.iscoroutinefunction(hooks[0].function):
        raise _Unusable("register() is async; it is called once, as a plain function")
    try:
        found: Any = hooks[0].function()
        classes = list(found)
    except Exception as error:
        raise _Unusable(f"register() failed: {type(error).__name__}: {error}") from error
    if not classes:
        raise _Unusable("register() returned no class")
    return classes


def _describe(cls: Any, origin: str) -> Found:
    if not (inspect.isclass(cls) and issubclass(cls, Plugin)):
        raise _Unusable(f"register() returned {cls!r}, which is no plugin class")
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not name.isidentifier():
        raise _Unusable(f"{cls.__qualname__}.name has to be a word such as 'footer'")
    if cls.api_version != API_VERSION:
        raise _Unusable(
            f"it was made for version {cls.api_version} of the plugin contract, this gateway has"
            f" {API_VERSION}"
        )
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise _Unusable(f"{cls.__qualname__} lacks {missing}")
    for method in PLAIN:
        if inspect.iscoroutinefunction(getattr(cls, method, None)):
            raise _Unusable(f"{cls.__qualname__}.{method} is async; it is called as a function")
    kinds = tuple(kind for kind, base in KINDS if issubclass(cls, base))
    if not kinds:
        raise _Unusable(f"{cls.__qualname__} is none of Input, Middleware, Output, Observer")
    return Found(name, cls, kinds, _settings(cls), origin)


def _settings(cls: type[Plugin]) -> type[PluginConfig]:
    # Only this one annotation: what others name below TYPE_CHECKING is the plugin's own business.
    try:
        owner = next(base for base in cls.__mro__ if "config" in inspect.get_annotations(base))
        only = SimpleNamespace(__annotations__={"config": owner.__annotations__["config"]})
        names = vars(sys.modules[owner.__module__])
        annotation = get_type_hints(only, names, dict(vars(owner)))["config"]
    except Exception as error:
        raise _Unusable(
            f"the annotation of {cls.__qualname__}.config cannot be resolved ({error}); import its"
            " type at run time, not below TYPE_CHECKING"
        ) from error
    if annotation is Any:
        return PluginConfig
    if not (inspect.isclass(annotation) and issubclass(annotation, PluginConfig)):
        raise _Unusable(f"{cls.__qualname__}.config has to be annotated with a PluginConfig")
    try:
        msgspec.structs.fields(annotation)
        get_type_hints(annotation)
    except Exception as error:
        raise _Unusable(
            f"the settings {annotation.__qualname__} cannot be read: {error}"
        ) from error
    return annotation


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"
