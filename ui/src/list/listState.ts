/** How the list is filtered, sorted and paged. It lives in the address, so that Back and a shared link keep it. */

export const COLUMNS = ["name", "type", "version", "workspace", "created", "uri"] as const;
export type ColumnId = (typeof COLUMNS)[number];

export const PAGE_SIZES = [25, 50, 100];

export interface ListState {
  filter: string;
  sort: ColumnId;
  descending: boolean;
  page: number;
  size: number;
}

const DEFAULTS: ListState = { filter: "", sort: "created", descending: true, page: 0, size: 25 };

export function readListState(params: URLSearchParams): ListState {
  const sort = params.get("sort") ?? "";
  const sortColumn = COLUMNS.find((column) => column === sort.replace(/^-/, ""));
  const page = Number(params.get("page"));
  const size = Number(params.get("size"));
  return {
    filter: params.get("q") ?? DEFAULTS.filter,
    sort: sortColumn ?? DEFAULTS.sort,
    descending: sortColumn ? sort.startsWith("-") : DEFAULTS.descending,
    page: Number.isInteger(page) && page > 1 ? page - 1 : DEFAULTS.page,
    size: PAGE_SIZES.includes(size) ? size : DEFAULTS.size,
  };
}

export function writeListState(state: ListState): URLSearchParams {
  const params = new URLSearchParams();
  if (state.filter) params.set("q", state.filter);
  if (state.sort !== DEFAULTS.sort || state.descending !== DEFAULTS.descending)
    params.set("sort", `${state.descending ? "-" : ""}${state.sort}`);
  if (state.page > 0) params.set("page", String(state.page + 1));
  if (state.size !== DEFAULTS.size) params.set("size", String(state.size));
  return params;
}
