const encoder = new TextEncoder();

/** Returns how many bytes a text takes in UTF-8. Limits on ids count these bytes, because file systems count them. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}
