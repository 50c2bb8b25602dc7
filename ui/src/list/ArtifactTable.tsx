import Paper from "@mui/material/Paper";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableContainer from "@mui/material/TableContainer";
import TableHead from "@mui/material/TableHead";
import TablePagination from "@mui/material/TablePagination";
import TableRow from "@mui/material/TableRow";
import TableSortLabel from "@mui/material/TableSortLabel";
import { functionalUpdate, useTable } from "@tanstack/react-table";
import { useMemo } from "react";

import { columns, features } from "./columns";
import { COLUMNS, PAGE_SIZES, type ListState } from "./listState";
import type { Row } from "./rows";

interface ArtifactTableProps {
  rows: Row[];
  state: ListState;
  onChange: (change: Partial<ListState>) => void;
}

const count = new Intl.NumberFormat();

export function ArtifactTable({ rows, state, onChange }: ArtifactTableProps) {
  // A link may name a page that is gone since.
  const pageIndex = Math.min(state.page, Math.max(0, Math.ceil(rows.length / state.size) - 1));
  const sorting = useMemo(() => [{ id: state.sort, desc: state.descending }], [state.sort, state.descending]);
  const pagination = useMemo(() => ({ pageIndex, pageSize: state.size }), [pageIndex, state.size]);

  const table = useTable({
    features,
    columns,
    data: rows,
    state: { sorting, pagination },
    enableSortingRemoval: false,
    enableMultiSort: false,
    autoResetPageIndex: false,
    onSortingChange: (updater) => {
      const [first] = functionalUpdate(updater, sorting);
      const sort = COLUMNS.find((column) => column === first?.id);
      if (first && sort) onChange({ sort, descending: first.desc, page: 0 });
    },
  });

  return (
    <Paper variant="outlined">
      <TableContainer>
        <Table size="small" aria-label="Artifacts" sx={{ tableLayout: "fixed" }}>
          <TableHead>
            {table.getHeaderGroups().map((group) => (
              <TableRow key={group.id}>
                {group.headers.map((header) => {
                  const { column } = header;
                  const { meta } = column.columnDef;
                  const sorted = column.getIsSorted();
                  return (
                    <TableCell
                      key={header.id}
                      aria-sort={sorted ? (sorted === "asc" ? "ascending" : "descending") : undefined}
                      sx={{ width: { xs: "auto", sm: meta?.width }, ...shownFrom(meta?.from) }}
                    >
                      <TableSortLabel
                        active={sorted !== false}
                        direction={sorted || column.getFirstSortDir()}
                        onClick={column.getToggleSortingHandler()}
                      >
                        <table.FlexRender header={header} />
                      </TableSortLabel>
                    </TableCell>
                  );
                })}
              </TableRow>
            ))}
          </TableHead>
          <TableBody>
            {table.getRowModel().rows.map((row) => (
              <TableRow key={row.id} hover sx={{ "&:last-child td": { border: 0 } }}>
                {row.getAllCells().map((cell) => (
                  <TableCell
                    key={cell.id}
                    sx={{
                      overflow: "hidden",
                      textOverflow: "ellipsis",
                      whiteSpace: { sm: "nowrap" },
                      overflowWrap: "anywhere",
                      py: 1,
                      ...shownFrom(cell.column.columnDef.meta?.from),
                    }}
                  >
                    <table.FlexRender cell={cell} />
                  </TableCell>
                ))}
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </TableContainer>
      <TablePagination
        component="div"
        count={rows.length}
        page={pageIndex}
        rowsPerPage={state.size}
        rowsPerPageOptions={PAGE_SIZES}
        labelRowsPerPage="Rows"
        labelDisplayedRows={({ from, to, count: all }) =>
          `${count.format(from)}–${count.format(to)} of ${count.format(all)}`
        }
        showFirstButton
        showLastButton
        onPageChange={(_, page) => {
          onChange({ page });
        }}
        onRowsPerPageChange={(event) => {
          onChange({ size: Number(event.target.value), page: 0 });
        }}
        sx={{ borderTop: 1, borderColor: "divider" }}
      />
    </Paper>
  );
}

function shownFrom(breakpoint: "sm" | "md" | "lg" | undefined) {
  return breakpoint ? { display: { xs: "none", [breakpoint]: "table-cell" } } : {};
}
