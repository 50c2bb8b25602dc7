import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useState } from "react";

import { CopyButton } from "./CopyButton";

const FIRST = 1_000;
/** More than this in one element makes browsers crawl; Copy still has all of it. */
const MOST = 100_000;

const TEXT = { whiteSpace: "pre-wrap", overflowWrap: "anywhere" };

/** Text of any length, line breaks kept. */
export function LongText({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  if (text.length <= FIRST) {
    return (
      <Box component="span" sx={TEXT}>
        {text}
      </Box>
    );
  }
  const shown = text.slice(0, open ? MOST : FIRST);
  return (
    <>
      <Box component="span" sx={TEXT}>
        {shown}
        {shown.length < text.length && "…"}
      </Box>
      <Box sx={{ display: "flex", alignItems: "center", gap: 1, mt: 0.5 }}>
        <Button
          size="small"
          onClick={() => {
            setOpen(!open);
          }}
        >
          {open ? "Show less" : `Show ${text.length > MOST ? "more" : "all"}`}
        </Button>
        <CopyButton text={text} label={`Copy all ${text.length.toLocaleString()} characters`} />
      </Box>
    </>
  );
}
