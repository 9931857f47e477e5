/** Names around the certificates of `pki.ts`, for who must not load the code that makes them. */

/** Group of clients that may do everything. */
export const adminGroup = "system:masters";

/** Group of nodes, and how their names begin: `system:node:n1`. */
export const nodesGroup = "system:nodes";
export const nodeUserPrefix = "system:node:";

/** In the root folder of the instance. */
export const pkiFolder = "pki";

/** In that folder: the address that clients are told. */
export const serverAddressFile = "server";
