"""Lists: page size, order and page tokens, as one condition and one ORDER BY.

A token holds where the last page ended, so that rows written meanwhile never shift what comes next.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from kubeflow_metadata.mlmd.db.values import SqlValue
from kubeflow_metadata.mlmd.engine.kinds import Node
from kubeflow_metadata.mlmd.errors import InvalidArgumentError
from kubeflow_metadata.proto import metadata_store_pb2 as pb

# The largest page of the official server. It returns 101 rows and no token for larger sizes; we return a page.
MAX_PAGE_SIZE = 100

_Order = pb.ListOperationOptions.OrderByField
_COLUMNS = {
    _Order.CREATE_TIME: "create_time_since_epoch",
    _Order.LAST_UPDATE_TIME: "last_update_time_since_epoch",
    _Order.ID: "id",
}


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    size: int
    order_column: str
    ascending: bool
    options: pb.ListOperationOptions
    after: tuple[int, int] | None  # the order column's value and the id of the last row before this page

    @classmethod
    def from_options(cls, options: pb.ListOperationOptions) -> Page:
        """Reads a request's list options.

        Raises:
            InvalidArgumentError: the size is not positive, the order is unknown, or the token is not one of ours.
        """
        if options.max_result_size <= 0:
            raise InvalidArgumentError(
                f"max_result_size must be between 1 and {MAX_PAGE_SIZE}, not {options.max_result_size}."
            )
        order = options.order_by_field
        if order.field not in _COLUMNS:
            raise InvalidArgumentError("order_by_field.field must be CREATE_TIME, LAST_UPDATE_TIME or ID.")
        return cls(
            size=min(options.max_result_size, MAX_PAGE_SIZE),
            order_column=_COLUMNS[order.field],
            ascending=order.is_asc,
            options=options,
            after=_read_token(options) if options.next_page_token else None,
        )

    def condition(self) -> tuple[str, tuple[SqlValue, ...]]:
        """Returns the rows of this page and all later ones."""
        if self.after is None:
            return "", ()
        value, last_id = self.after
        beyond = ">" if self.ascending else "<"
        if self.order_column == "id":
            return f"n.id {beyond} ?", (last_id,)
        column = f"n.{self.order_column}"
        return f"({column} {beyond} ? OR ({column} = ? AND n.id {beyond} ?))", (value, value, last_id)

    def order_by(self) -> str:
        direction = "ASC" if self.ascending else "DESC"
        if self.order_column == "id":
            return f"n.id {direction}"
        return f"n.{self.order_column} {direction}, n.id {direction}"

    def next_token(self, last: Node) -> str:
        """Returns the token of the page that starts after ``last``."""
        token = pb.ListOperationNextPageToken(
            id_offset=last.id,
            field_offset=getattr(last, "id" if self.order_column == "id" else self.order_column),
        )
        token.set_options.CopyFrom(_lasting(self.options))
        return base64.urlsafe_b64encode(token.SerializeToString()).decode().rstrip("=")


def _read_token(options: pb.ListOperationOptions) -> tuple[int, int]:
    text = options.next_page_token
    token = pb.ListOperationNextPageToken()
    try:
        token.ParseFromString(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, DecodeError, ValueError) as error:
        raise InvalidArgumentError("next_page_token was not issued by this server.") from error
    if not token.HasField("id_offset"):
        raise InvalidArgumentError("next_page_token was not issued by this server.")
    if token.set_options.order_by_field != options.order_by_field:
        raise InvalidArgumentError("next_page_token was issued for a list in a different order.")
    return token.field_offset, token.id_offset


def _lasting(options: pb.ListOperationOptions) -> pb.ListOperationOptions:
    """Returns the options that must be the same on every page."""
    lasting = pb.ListOperationOptions()
    lasting.CopyFrom(options)
    lasting.ClearField("next_page_token")
    return lasting
