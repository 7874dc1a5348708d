// An alert's own page: its answers go through the same queue; the page is loaded anew when one was taken.
import * as queue from "./queue.js";

queue.start((alert, accepted) => {
  if (accepted) location.reload();
});
