import Box from "@mui/material/Box";

interface TypeNameProps {
  name: string;
  /** Leave the namespace to the tooltip. */
  short?: boolean;
}

/** A type's name, its namespace in a lighter tone. */
export function TypeName({ name, short = false }: TypeNameProps) {
  const cut = name.lastIndexOf("/") + 1;
  return (
    <span title={name}>
      {cut > 0 && !short && (
        <Box component="span" sx={{ color: "text.secondary" }}>
          {name.slice(0, cut)}
        </Box>
      )}
      {name.slice(cut)}
    </span>
  );
}
