import Box from "@mui/material/Box";
import Link from "@mui/material/Link";

import { webLink } from "../model/uri";
import { MONO } from "../theme";
import { clip } from "./clip";
import { OpenIcon } from "./icons";

/** A URI in one line: a link where a browser can open it, text where it cannot. */
export function Uri({ uri }: { uri: string }) {
  const href = webLink(uri);
  const shown = clip(uri);
  const font = { fontFamily: MONO, fontSize: "0.92em" };
  if (href === undefined) {
    return (
      <Box component="span" title={shown} sx={font}>
        {shown}
      </Box>
    );
  }
  return (
    <Link href={href} target="_blank" rel="noopener noreferrer" title={shown} sx={font} underline="hover">
      {shown}
      <OpenIcon titleAccess="opens in a new tab" sx={{ fontSize: 13, ml: 0.5, verticalAlign: "-1px" }} />
    </Link>
  );
}
