/** What lies between clients, workers and a server, and the server itself. */
import { badNetwork } from './scenarios/bad-network.ts'
import { cutBulks } from './scenarios/cut-bulks.ts'
import { droppedReplies } from './scenarios/dropped-replies.ts'
import { outages } from './scenarios/outages.ts'
import { exhaustedConnections, serverTroubles } from './scenarios/server-troubles.ts'
import { shortTier, together } from './short-tier.ts'

together([badNetwork, droppedReplies, cutBulks])
shortTier([outages])
// their bounds are of what they can do, not of what the machine can
together([serverTroubles, exhaustedConnections])
