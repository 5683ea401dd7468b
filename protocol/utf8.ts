const encoder = new TextEncoder();

/** How many bytes a text takes in UTF-8, by which ids are bounded: a file system counts so. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}
