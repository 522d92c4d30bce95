/** What may still be emitted before an epoch should end; counted down while windows fire. */
export interface Budget {
  rows: number
}
