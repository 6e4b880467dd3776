setInterval(() => {
  const reading = document.querySelector("details[open]") || document.activeElement?.matches("input, button, summary");
  if (!document.hidden && !reading) location.reload();
}, 1000 * document.body.dataset.refresh);
