/**
 * How pods reach the API: while the daemon listens on an IPv4 address, there are the Service `kubernetes` and the
 * certificate of who signs for the server, and new pods get a token. Without that none of the three (decision 0604).
 */
import {
  ApiService,
  type ApiServiceOptions,
  withdrawApiService,
} from "../controller/api-service.ts";
import type { Controllers } from "../controller/controllers.ts";
import { RootCaPublisher } from "../controller/root-ca-publisher.ts";
import type { Store } from "../store/store.ts";
import type { ListenAddress } from "./configuration.ts";

export interface PodApiOptions {
  readonly store: Store;
  readonly listen: ListenAddress | undefined;
  readonly serviceSubnet: string;
  readonly allocate: ApiServiceOptions["allocate"];
}

/** What is known when the port is open. */
export interface OpenApi {
  /** PEM of the authority. */
  readonly certificate: string;
  readonly port: number;
}

export class PodApi {
  readonly #options: PodApiOptions;
  readonly #address: string | undefined;

  constructor(options: PodApiOptions) {
    this.#options = options;
    this.#address = options.listen && reachableAddress(options.listen);
    if (this.#address === undefined) withdrawApiService(options.store);
  }

  /** Whether pods can reach the API. */
  get isReachable(): boolean {
    return this.#address !== undefined;
  }

  /** Has controllers publish what pods need, and keep it. */
  publish({ certificate, port }: OpenApi, controllers: Pick<Controllers, "add">): void {
    const address = this.#address;
    if (address === undefined) return;
    const { serviceSubnet, allocate } = this.#options;
    controllers.add((context) => new RootCaPublisher(context, certificate));
    controllers.add((context) => {
      return new ApiService(context, { serviceSubnet, allocate, address, port });
    });
  }
}

/** Where packets of pods are led to: what listens everywhere is met on loopback, whose address never changes. */
function reachableAddress({ host }: ListenAddress): string | undefined {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? undefined : host;
}
