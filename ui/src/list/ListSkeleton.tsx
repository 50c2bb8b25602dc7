import Box from "@mui/material/Box";
import Paper from "@mui/material/Paper";
import Skeleton from "@mui/material/Skeleton";

export function ListSkeleton() {
  return (
    <Paper variant="outlined" role="status" aria-label="Loading artifacts" sx={{ px: 2, py: 1 }}>
      {Array.from({ length: 10 }, (_, row) => (
        <Box key={row} sx={{ display: "flex", gap: 3, py: 1 }}>
          <Skeleton sx={{ width: "28%" }} />
          <Skeleton sx={{ width: "22%" }} />
          <Skeleton sx={{ width: "12%", display: { xs: "none", sm: "block" } }} />
          <Skeleton sx={{ width: "14%", display: { xs: "none", sm: "block" } }} />
          <Skeleton sx={{ flexGrow: 1 }} />
        </Box>
      ))}
    </Paper>
  );
}
