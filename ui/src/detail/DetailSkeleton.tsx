import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";

export function DetailSkeleton() {
  return (
    <Box role="status" aria-label="Loading artifact">
      <Skeleton sx={{ width: 180 }} />
      <Skeleton sx={{ width: 320, height: 44 }} />
      <Skeleton variant="rounded" sx={{ height: 220, mt: 1 }} />
      <Skeleton variant="rounded" sx={{ height: 120, mt: 2 }} />
    </Box>
  );
}
