import IconButton from "@mui/material/IconButton";
import InputAdornment from "@mui/material/InputAdornment";
import TextField from "@mui/material/TextField";
import { useEffect, useState } from "react";

import { ClearIcon, SearchIcon } from "../common/icons";

const DELAY_MS = 250;

interface FilterBoxProps {
  value: string;
  onChange: (filter: string) => void;
}

/** Shows the draft being typed, and hands it on once the typing pauses. */
export function FilterBox({ value, onChange }: FilterBoxProps) {
  const [draft, setDraft] = useState<string>();

  useEffect(() => {
    if (draft === undefined) return;
    const timer = setTimeout(() => {
      onChange(draft);
      setDraft(undefined);
    }, DELAY_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [draft, onChange]);

  const shown = draft ?? value;
  return (
    <TextField
      type="text"
      size="small"
      placeholder="Filter by name, type, workspace, URI …"
      value={shown}
      onChange={(event) => {
        setDraft(event.target.value);
      }}
      sx={{ flexGrow: { xs: 1, sm: 0 }, width: { sm: 360 }, "& .MuiInputBase-root": { bgcolor: "background.paper" } }}
      slotProps={{
        htmlInput: { "aria-label": "Filter artifacts", spellCheck: false, autoComplete: "off" },
        input: {
          startAdornment: (
            <InputAdornment position="start">
              <SearchIcon fontSize="small" />
            </InputAdornment>
          ),
          endAdornment: shown && (
            <InputAdornment position="end">
              <IconButton
                size="small"
                edge="end"
                aria-label="Clear filter"
                onClick={() => {
                  setDraft("");
                }}
              >
                <ClearIcon fontSize="small" />
              </IconButton>
            </InputAdornment>
          ),
        },
      }}
    />
  );
}
