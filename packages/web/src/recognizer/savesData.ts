// Whether the person asked the browser to save data (Network Information API, Chromium's alone).

export const savesData = (): boolean =>
  (navigator as { readonly connection?: { readonly saveData?: boolean } }).connection?.saveData === true;
