"""A plugin from outside: the package's metadata names this module under `companion.plugins`."""

from companion.plugin import EVENT, InitContext, register


@register(
    type="io.containerd.internal.v1", id="example", requires=(EVENT,), config={"greeting": "good morning"}
)
def init(context: InitContext) -> object:
    """Show in introspection what the configuration says."""
    context.meta.exports["greeting"] = context.config["greeting"]
    return object()
