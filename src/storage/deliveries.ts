/**
 * Up to where each of the feed's deliveries has come, and which of many gateways makes it: the one that took it, for as long as it said.
 * The conformance suite of deliveries checks it.
 */
export interface Deliveries {
  /**
   * Has `owner` make the delivery `name` for `ms` from now on, where it does so already, or no other does. Answers the position that it has
   * come to, which is the feed's last one where there was no such delivery; `undefined` where another makes it. For 0 ms it is given up.
   */
  take (name: string, owner: string, ms: number): Promise<string | undefined>
  /**
   * Moves its position on, durably where the engine is durable. Answers whether it is there: not where another has taken the delivery, or
   * the position was not `from`. So none is moved back by who was too late.
   */
  move (name: string, owner: string, from: string, to: string): Promise<boolean>
}
