import Button from "@mui/material/Button";
import IconButton from "@mui/material/IconButton";
import { useEffect, useState } from "react";

import { copyText } from "./copyText";
import { CheckIcon, ClearIcon, CopyIcon } from "./icons";

interface CopyButtonProps {
  text: string;
  /** What is copied, in words: "Copy URI". */
  label: string;
  /** Show the label, not just the icon. */
  wide?: boolean;
}

type Outcome = "idle" | "copied" | "failed";

const OUTCOMES = {
  idle: { Icon: CopyIcon, says: undefined },
  copied: { Icon: CheckIcon, says: "Copied" },
  failed: { Icon: ClearIcon, says: "Copy failed: blocked by the browser" },
};

export function CopyButton({ text, label, wide = false }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<Outcome>("idle");

  useEffect(() => {
    if (outcome === "idle") return;
    const timer = setTimeout(() => {
      setOutcome("idle");
    }, 1500);
    return () => {
      clearTimeout(timer);
    };
  }, [outcome]);

  const { Icon, says = label } = OUTCOMES[outcome];
  const copy = () => {
    void copyText(text).then((copied) => {
      setOutcome(copied ? "copied" : "failed");
    });
  };

  return wide ? (
    <Button size="small" variant="outlined" startIcon={<Icon />} onClick={copy}>
      {says}
    </Button>
  ) : (
    <IconButton size="small" aria-label={says} title={says} onClick={copy}>
      <Icon sx={{ fontSize: 16 }} />
    </IconButton>
  );
}
