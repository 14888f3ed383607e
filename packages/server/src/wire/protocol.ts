/** Which protocol this version speaks. A server and a client with another one do not understand each other. */
export const PROTOCOL = 1
