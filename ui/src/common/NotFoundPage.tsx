import Button from "@mui/material/Button";
import { Link } from "react-router";

import { ARTIFACTS } from "../model/links";
import { SearchIcon } from "./icons";
import { Notice } from "./Notice";
import { useTitle } from "./useTitle";

export function NotFoundPage({ what = "There is no page at this address." }: { what?: string }) {
  useTitle("Not found");
  return (
    <Notice icon={<SearchIcon />} heading="Not found">
      <p>{what}</p>
      <Button component={Link} to={ARTIFACTS} variant="contained">
        All artifacts
      </Button>
    </Notice>
  );
}
