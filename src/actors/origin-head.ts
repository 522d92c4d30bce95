/** Head of the origins of what a node makes itself: its number in the graph. */
export function originHead(id: number): Uint8Array {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(id)
  return head
}
