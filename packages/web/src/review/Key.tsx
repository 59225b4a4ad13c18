// The key that does the same as a button: seen, not read aloud, since the button's name is enough.

export function Key({ children }: { readonly children: string }) {
  return (
    <span class="key" aria-hidden="true">
      {children}
    </span>
  );
}
