/* SPDX-License-Identifier: Apache-2.0 */
/* What may be inserted into Compute Engine's collections (schema.h). */
#include "sandbox/google/schema.h"

static const struct message messages[] = {
    {"Network", "name:s description:s autoCreateSubnetworks:b routingConfig:* mtu:i "
                "networkFirewallPolicyEnforcementOrder:s enableUlaInternalIpv6:b params:*"},
    {"Subnetwork",
     "name:s description:s network:s ipCidrRange:s region:s "
     "purpose:e(Purpose,PRIVATE,REGIONAL_MANAGED_PROXY,GLOBAL_MANAGED_PROXY,"
     "INTERNAL_HTTPS_LOAD_BALANCER,PRIVATE_SERVICE_CONNECT,PRIVATE_NAT,PEER_MIGRATION,AGGREGATE) "
     "role:e(Role,ACTIVE,BACKUP) privateIpGoogleAccess:b secondaryIpRanges:[* stackType:s "
     "logConfig:* enableFlowLogs:b ipv6AccessType:s params:* internalIpv6Prefix:s "
     "reservedInternalRange:s"},
    {"Address",
     "name:s description:s address:s prefixLength:i addressType:e(AddressType,EXTERNAL,INTERNAL) "
     "purpose:e(Purpose,GCE_ENDPOINT,SHARED_LOADBALANCER_VIP,VPC_PEERING,PRIVATE_SERVICE_CONNECT,"
     "NAT_AUTO,IPSEC_INTERCONNECT,DNS_RESOLVER) subnetwork:s network:s region:s "
     "networkTier:e(NetworkTier,PREMIUM,STANDARD,FIXED_STANDARD,STANDARD_OVERRIDES_FIXED_STANDARD) "
     "labels:m labelFingerprint:s ipVersion:e(IpVersion,IPV4,IPV6) ipv6EndpointType:s "
     "ipCollection:s"},
    {"Router", "name:s description:s network:s region:s nats:[* bgp:* interfaces:[* bgpPeers:[* "
               "encryptedInterconnectRouter:b md5AuthenticationKeys:[* params:*"},
    {"Firewall", "name:s description:s network:s priority:i sourceRanges:[s destinationRanges:[s "
                 "sourceTags:[s targetTags:[s sourceServiceAccounts:[s targetServiceAccounts:[s "
                 "allowed:[* denied:[* direction:e(Direction,INGRESS,EGRESS) logConfig:* "
                 "disabled:b params:*"},
    {"Disk", "name:s description:s sizeGb:l type:s zone:s labels:m sourceImage:s sourceSnapshot:s"},
    {"HealthCheck",
     "name:s description:s checkIntervalSec:i timeoutSec:i unhealthyThreshold:i healthyThreshold:i "
     "type:s httpHealthCheck:* httpsHealthCheck:* http2HealthCheck:* tcpHealthCheck:* "
     "grpcHealthCheck:* sslHealthCheck:* logConfig:* sourceRegions:[s grpcTlsHealthCheck:*"},
};

const struct schema compute_schema = {"google.cloud.compute.v1", messages,
                                      sizeof(messages) / sizeof(messages[0]), true};
