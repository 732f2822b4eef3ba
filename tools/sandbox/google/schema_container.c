/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of container v1 by field and type (schema.h), as the API names them. */
#include "sandbox/google/schema.h"

static const struct message messages[] = {
    {"CreateClusterRequest", "cluster:@Cluster parent:s projectId:s zone:s"},
    {"CreateNodePoolRequest", "clusterId:s nodePool:@NodePool parent:s projectId:s zone:s"},
    {"UpdateClusterRequest", "clusterId:s name:s projectId:s update:@ClusterUpdate zone:s"},
    {"SetNodePoolSizeRequest", "clusterId:s name:s nodeCount:i nodePoolId:s projectId:s zone:s"},
    {"SetNodePoolAutoscalingRequest",
     "autoscaling:@NodePoolAutoscaling clusterId:s name:s nodePoolId:s projectId:s zone:s"},
    {"SetNodePoolManagementRequest",
     "clusterId:s management:@NodeManagement name:s nodePoolId:s projectId:s zone:s"},
    {"SetLabelsRequest",
     "clusterId:s labelFingerprint:s name:s projectId:s resourceLabels:m zone:s"},
    {"SetAddonsConfigRequest", "addonsConfig:@AddonsConfig clusterId:s name:s projectId:s zone:s"},
    {"UpdateNodePoolRequest",
     "accelerators:[@AcceleratorConfig bootDisk:@BootDisk clusterId:s confidentialNodes:* "
     "consolidationDelay:d containerdConfig:* diskSizeGb:l diskType:s etag:s fastSocket:* "
     "flexStart:b gcfsConfig:@GcfsConfig gvnic:@VirtualNIC image:s imageProject:s "
     "imageType:s kubeletConfig:* labels:@NodeLabels linuxNodeConfig:* locations:[s "
     "loggingConfig:* machineType:s maintenancePolicy:* maxRunDuration:d name:s "
     "nodeConfigUpdateMode:e(NodeConfigUpdateMode,LIVE_UPDATE_WITHOUT_DRAIN) "
     "nodeDrainConfig:* nodeNetworkConfig:@NodeNetworkConfig nodePoolId:s nodeVersion:s "
     "projectId:s queuedProvisioning:@QueuedProvisioning resourceLabels:@ResourceLabels "
     "resourceManagerTags:* storagePools:[s tags:@NetworkTags taintConfig:* "
     "taints:@NodeTaints upgradeSettings:@UpgradeSettings windowsNodeConfig:* "
     "workloadMetadataConfig:@WorkloadMetadataConfig zone:s"},
    {"SetLocationsRequest", "clusterId:s locations:[s name:s projectId:s zone:s"},
    {"UpdateMasterRequest", "clusterId:s masterVersion:s name:s projectId:s zone:s"},
    {"SetNetworkPolicyRequest",
     "clusterId:s name:s networkPolicy:@NetworkPolicy projectId:s zone:s"},
    {"CancelOperationRequest", "name:s operationId:s projectId:s zone:s"},
    {"Cluster",
     "addonsConfig:@AddonsConfig alphaClusterFeatureGates:[s "
     "anonymousAuthenticationConfig:* authenticatorGroupsConfig:* autopilot:@Autopilot "
     "autoscaling:* binaryAuthorization:* clusterIpv4Cidr:s compliancePostureConfig:* "
     "conditions:[* confidentialNodes:* controlPlaneEgress:* "
     "controlPlaneEndpointsConfig:@ControlPlaneEndpointsConfig costManagementConfig:* "
     "createTime:s currentEmulatedVersion:s currentMasterVersion:s currentNodeCount:i "
     "currentNodeVersion:s databaseEncryption:* "
     "defaultMaxPodsConstraint:@MaxPodsConstraint description:s enableK8sBetaApis:* "
     "enableKubernetesAlpha:b enableTpu:b endpoint:s enterpriseConfig:* etag:s "
     "expireTime:s fleet:* gkeAutoUpgradeConfig:* id:s identityServiceConfig:* "
     "initialClusterVersion:s initialNodeCount:i instanceGroupUrls:[s "
     "ipAllocationPolicy:@IPAllocationPolicy labelFingerprint:s legacyAbac:* location:s "
     "locations:[s loggingConfig:@LoggingConfig loggingService:s maintenancePolicy:* "
     "managedMachineLearningDiagnosticsConfig:* managedOpentelemetryConfig:* masterAuth:* "
     "masterAuthorizedNetworksConfig:@MasterAuthorizedNetworksConfig meshCertificates:* "
     "monitoringConfig:@MonitoringConfig monitoringService:s name:s network:s "
     "networkConfig:@NetworkConfig networkPolicy:@NetworkPolicy nodeConfig:@NodeConfig "
     "nodeCreationConfig:* nodeIpv4CidrSize:i nodePoolAutoConfig:* nodePoolDefaults:* "
     "nodePools:[@NodePool notificationConfig:* parentProductConfig:* podAutoscaling:* "
     "privateClusterConfig:@PrivateClusterConfig rbacBindingConfig:* "
     "releaseChannel:@ReleaseChannel resourceLabels:m resourceUsageExportConfig:* "
     "rollbackSafeUpgrade:* satisfiesPzi:b satisfiesPzs:b scheduleUpgradeConfig:* "
     "secretManagerConfig:* secretSyncConfig:* securityPostureConfig:* selfLink:s "
     "servicesIpv4Cidr:s shieldedNodes:@ShieldedNodes "
     "status:e(Status,PROVISIONING,RUNNING,RECONCILING,STOPPING,ERROR,DEGRADED) "
     "statusMessage:s subnetwork:s tpuIpv4CidrBlock:s userManagedKeysConfig:* "
     "verticalPodAutoscaling:* workloadIdentityConfig:@WorkloadIdentityConfig zone:s"},
    {"NodePool",
     "autopilotConfig:* autoscaling:@NodePoolAutoscaling "
     "bestEffortProvisioning:@BestEffortProvisioning conditions:[* config:@NodeConfig "
     "etag:s initialNodeCount:i instanceGroupUrls:[s kubeletCertInfo:* locations:[s "
     "maintenancePolicy:* management:@NodeManagement maxPodsConstraint:@MaxPodsConstraint "
     "name:s networkConfig:@NodeNetworkConfig nodeDrainConfig:* "
     "placementPolicy:@PlacementPolicy podIpv4CidrSize:i "
     "queuedProvisioning:@QueuedProvisioning selfLink:s "
     "status:e(Status,PROVISIONING,RUNNING,RUNNING_WITH_ERROR,RECONCILING,STOPPING,ERROR) "
     "statusMessage:s updateInfo:* upgradeSettings:@UpgradeSettings version:s"},
    {"NodeConfig",
     "accelerators:[@AcceleratorConfig advancedMachineFeatures:* bootDisk:@BootDisk "
     "bootDiskKmsKey:s confidentialNodes:* consolidationDelay:d containerdConfig:* "
     "diskSizeGb:i diskType:s "
     "effectiveCgroupMode:e(EffectiveCgroupMode,EFFECTIVE_CGROUP_MODE_V1,EFFECTIVE_CGROUP_MODE_V2) "
     "enableConfidentialStorage:b ephemeralStorageLocalSsdConfig:* fastSocket:* "
     "flexStart:b gcfsConfig:@GcfsConfig gpuDirectConfig:* gvnic:@VirtualNIC imageType:s "
     "kubeletConfig:* labels:m linuxNodeConfig:* localNvmeSsdBlockConfig:* localSsdCount:i "
     "localSsdEncryptionMode:e(LocalSsdEncryptionMode,STANDARD_ENCRYPTION,EPHEMERAL_KEY_ENCRYPTION)"
     " "
     "loggingConfig:* machineType:s maxRunDuration:d metadata:m minCpuPlatform:s "
     "nodeGroup:s nodeImageConfig:* oauthScopes:[s preemptible:b "
     "reservationAffinity:@ReservationAffinity resourceLabels:m resourceManagerTags:* "
     "sandboxConfig:* secondaryBootDiskUpdateStrategy:* secondaryBootDisks:[* "
     "serviceAccount:s shieldedInstanceConfig:@ShieldedInstanceConfig soleTenantConfig:* "
     "spot:b storagePools:[s tags:[s taintConfig:* taints:[@NodeTaint windowsNodeConfig:* "
     "workloadMetadataConfig:@WorkloadMetadataConfig"},
    {"ClusterUpdate",
     "additionalPodRangesConfig:* desiredAdditionalIpRangesConfig:* "
     "desiredAddonsConfig:@AddonsConfig desiredAmbientNetworkingConfig:* "
     "desiredAnonymousAuthenticationConfig:* desiredAuthenticatorGroupsConfig:* "
     "desiredAutoIpamConfig:* desiredAutopilotClusterPolicyConfig:* "
     "desiredAutopilotWorkloadPolicyConfig:* desiredBinaryAuthorization:* "
     "desiredClusterAutoscaling:* desiredCompliancePostureConfig:* "
     "desiredContainerdConfig:* desiredControlPlaneEgress:* "
     "desiredControlPlaneEndpointsConfig:@ControlPlaneEndpointsConfig "
     "desiredCostManagementConfig:* desiredDatabaseEncryption:* "
     "desiredDatapathProvider:e(DesiredDatapathProvider,LEGACY_DATAPATH,ADVANCED_DATAPATH,MIGRATE_"
     "TO_ADVANCED_DATAPATH,MIGRATE_TO_LEGACY_DATAPATH) "
     "desiredDefaultEnablePrivateNodes:b desiredDefaultSnatStatus:* "
     "desiredDisableL4LbFirewallReconciliation:b desiredDnsConfig:* "
     "desiredEmulatedVersion:s desiredEnableCiliumClusterwideNetworkPolicy:b "
     "desiredEnableFqdnNetworkPolicy:b desiredEnableMultiNetworking:b "
     "desiredEnablePrivateEndpoint:b desiredEnterpriseConfig:* desiredFleet:* "
     "desiredGatewayApiConfig:@GatewayAPIConfig desiredGcfsConfig:@GcfsConfig "
     "desiredIdentityServiceConfig:* desiredImage:s desiredImageProject:s "
     "desiredImageType:s "
     "desiredInTransitEncryptionConfig:e(DesiredInTransitEncryptionConfig,IN_TRANSIT_ENCRYPTION_"
     "DISABLED,IN_TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT) "
     "desiredIntraNodeVisibilityConfig:* desiredK8sBetaApis:* "
     "desiredL4ilbSubsettingConfig:* desiredLocations:[s "
     "desiredLoggingConfig:@LoggingConfig desiredLoggingService:s "
     "desiredManagedMachineLearningDiagnosticsConfig:* desiredManagedOpentelemetryConfig:* "
     "desiredMasterAuthorizedNetworksConfig:@MasterAuthorizedNetworksConfig "
     "desiredMasterVersion:s desiredMeshCertificates:* "
     "desiredMonitoringConfig:@MonitoringConfig desiredMonitoringService:s "
     "desiredNetworkPerformanceConfig:* desiredNetworkTierConfig:* "
     "desiredNodeCreationConfig:* desiredNodeKubeletConfig:* "
     "desiredNodePoolAutoConfigKubeletConfig:* desiredNodePoolAutoConfigLinuxNodeConfig:* "
     "desiredNodePoolAutoConfigNetworkTags:@NetworkTags "
     "desiredNodePoolAutoConfigResourceManagerTags:* "
     "desiredNodePoolAutoscaling:@NodePoolAutoscaling desiredNodePoolId:s "
     "desiredNodePoolLoggingConfig:* desiredNodeVersion:s desiredNotificationConfig:* "
     "desiredParentProductConfig:* desiredPodAutoscaling:* "
     "desiredPrivateClusterConfig:@PrivateClusterConfig "
     "desiredPrivateIpv6GoogleAccess:e(DesiredPrivateIpv6GoogleAccess,PRIVATE_IPV6_GOOGLE_ACCESS_"
     "DISABLED,PRIVATE_IPV6_GOOGLE_ACCESS_TO_GOOGLE,PRIVATE_IPV6_GOOGLE_ACCESS_BIDIRECTIONAL) "
     "desiredPrivilegedAdmissionConfig:* desiredRbacBindingConfig:* "
     "desiredReleaseChannel:@ReleaseChannel desiredResourceUsageExportConfig:* "
     "desiredRollbackSafeUpgrade:* desiredSecretManagerConfig:* desiredSecretSyncConfig:* "
     "desiredSecurityPostureConfig:* desiredServiceExternalIpsConfig:* "
     "desiredShieldedNodes:@ShieldedNodes "
     "desiredStackType:e(DesiredStackType,IPV4,IPV4_IPV6) desiredUserManagedKeysConfig:* "
     "desiredVerticalPodAutoscaling:* "
     "desiredWorkloadIdentityConfig:@WorkloadIdentityConfig enableK8sBetaApis:* etag:s "
     "gkeAutoUpgradeConfig:* removedAdditionalPodRangesConfig:* userManagedKeysConfig:*"},
    {"NodePoolAutoscaling",
     "autoprovisioned:b enabled:b locationPolicy:e(LocationPolicy,BALANCED,ANY) "
     "maxNodeCount:i minNodeCount:i totalMaxNodeCount:i totalMinNodeCount:i"},
    {"AddonsConfig",
     "agentSandboxConfig:* cloudRunConfig:* configConnectorConfig:* "
     "dnsCacheConfig:@DnsCacheConfig "
     "gcePersistentDiskCsiDriverConfig:@GcePersistentDiskCsiDriverConfig "
     "gcpFilestoreCsiDriverConfig:* gcsFuseCsiDriverConfig:@GcsFuseCsiDriverConfig "
     "gkeBackupAgentConfig:* highScaleCheckpointingConfig:* "
     "horizontalPodAutoscaling:@HorizontalPodAutoscaling "
     "httpLoadBalancing:@HttpLoadBalancing kubernetesDashboard:@KubernetesDashboard "
     "lustreCsiDriverConfig:* networkPolicyConfig:@NetworkPolicyConfig "
     "nodeReadinessConfig:* parallelstoreCsiDriverConfig:* podSnapshotConfig:* "
     "rayOperatorConfig:* sliceControllerConfig:* slurmOperatorConfig:* statefulHaConfig:* "
     "wizSensorConfig:*"},
    {"NetworkConfig",
     "ambientNetworkingConfig:* "
     "datapathProvider:e(DatapathProvider,LEGACY_DATAPATH,ADVANCED_DATAPATH,MIGRATE_TO_ADVANCED_"
     "DATAPATH,MIGRATE_TO_LEGACY_DATAPATH) "
     "dataplaneV2Config:* defaultEnablePrivateNodes:b defaultSnatStatus:* "
     "disableL4LbFirewallReconciliation:b dnsConfig:* "
     "enableCiliumClusterwideNetworkPolicy:b enableFqdnNetworkPolicy:b "
     "enableIntraNodeVisibility:b enableL4ilbSubsetting:b enableMultiNetworking:b "
     "gatewayApiConfig:@GatewayAPIConfig "
     "inTransitEncryptionConfig:e(InTransitEncryptionConfig,IN_TRANSIT_ENCRYPTION_DISABLED,IN_"
     "TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT) "
     "network:s networkPerformanceConfig:* "
     "privateIpv6GoogleAccess:e(PrivateIpv6GoogleAccess,PRIVATE_IPV6_GOOGLE_ACCESS_DISABLED,"
     "PRIVATE_IPV6_GOOGLE_ACCESS_TO_GOOGLE,PRIVATE_IPV6_GOOGLE_ACCESS_BIDIRECTIONAL) "
     "serviceExternalIpsConfig:* subnetwork:s"},
    {"IPAllocationPolicy",
     "additionalIpRangesConfigs:[* additionalPodRangesConfig:* autoIpamConfig:* "
     "clusterIpv4Cidr:s clusterIpv4CidrBlock:s clusterSecondaryRangeName:s "
     "createSubnetwork:b defaultPodIpv4RangeUtilization:n "
     "ipv6AccessType:e(Ipv6AccessType,INTERNAL,EXTERNAL) networkTierConfig:* "
     "nodeIpv4Cidr:s nodeIpv4CidrBlock:s podCidrOverprovisionConfig:* servicesIpv4Cidr:s "
     "servicesIpv4CidrBlock:s servicesIpv6CidrBlock:s servicesSecondaryRangeName:s "
     "stackType:e(StackType,IPV4,IPV4_IPV6) subnetIpv6CidrBlock:s subnetworkName:s "
     "tpuIpv4CidrBlock:s useIpAliases:b useRoutes:b"},
    {"PlacementPolicy", "policyName:s tpuTopology:s type:e(Type,COMPACT)"},
    {"NodeManagement", "autoRepair:b autoUpgrade:b upgradeOptions:*"},
    {"UpgradeSettings", "blueGreenSettings:* maxSurge:i maxUnavailable:i "
                        "strategy:e(Strategy,BLUE_GREEN,SURGE,SHORT_LIVED)"},
    {"ShieldedInstanceConfig", "enableIntegrityMonitoring:b enableSecureBoot:b"},
    {"ReservationAffinity", " "
                            "consumeReservationType:e(ConsumeReservationType,NO_RESERVATION,ANY_"
                            "RESERVATION,SPECIFIC_RESERVATION,ANY_RESERVATION_THEN_FAIL) "
                            "key:s values:[s"},
    {"NodeTaint", "effect:e(Effect,NO_SCHEDULE,PREFER_NO_SCHEDULE,NO_EXECUTE) key:s value:s"},
    {"NodeTaints", "taints:[@NodeTaint"},
    {"NodeLabels", "labels:m"},
    {"ResourceLabels", "labels:m"},
    {"QueuedProvisioning", "enabled:b"},
    {"BestEffortProvisioning", "enabled:b minProvisionNodes:i"},
    {"ControlPlaneEndpointsConfig",
     "dnsEndpointConfig:@DNSEndpointConfig ipEndpointsConfig:@IPEndpointsConfig"},
    {"DNSEndpointConfig",
     "allowExternalTraffic:b enableK8sCertsViaDns:b enableK8sTokensViaDns:b endpoint:s"},
    {"IPEndpointsConfig",
     "authorizedNetworksConfig:@MasterAuthorizedNetworksConfig enablePublicEndpoint:b "
     "enabled:b globalAccess:b privateEndpoint:s privateEndpointSubnetwork:s "
     "publicEndpoint:s"},
    {"PrivateClusterConfig",
     "enablePrivateEndpoint:b enablePrivateNodes:b masterGlobalAccessConfig:* "
     "masterIpv4CidrBlock:s peeringName:s privateEndpoint:s privateEndpointSubnetwork:s "
     "publicEndpoint:s"},
    {"MaxPodsConstraint", "maxPodsPerNode:l"},
    {"BootDisk", "diskType:s provisionedIops:l provisionedThroughput:l sizeGb:l"},
    {"AcceleratorConfig",
     "acceleratorCount:l acceleratorType:s "
     "gpuDriverInstallationConfig:@GPUDriverInstallationConfig gpuPartitionSize:s "
     "gpuSharingConfig:*"},
    {"GPUDriverInstallationConfig",
     "gpuDriverVersion:e(GpuDriverVersion,INSTALLATION_DISABLED,DEFAULT,LATEST,SPECIFIC) "
     "specificVersion:s"},
    {"NodeNetworkConfig",
     "acceleratorNetworkProfile:s additionalNodeNetworkConfigs:[* "
     "additionalPodNetworkConfigs:[* createPodRange:b "
     "datapathProvider:e(DatapathProvider,LEGACY_DATAPATH,ADVANCED_DATAPATH,MIGRATE_TO_ADVANCED_"
     "DATAPATH,MIGRATE_TO_LEGACY_DATAPATH) "
     "enablePrivateNodes:b network:s networkPerformanceConfig:* networkTierConfig:* "
     "podCidrOverprovisionConfig:* podIpv4CidrBlock:s podIpv4RangeUtilization:n podRange:s "
     "subnetwork:s"},
    {"NetworkPolicy", "enabled:b provider:e(Provider,CALICO)"},
    {"ReleaseChannel", "channel:e(Channel,RAPID,REGULAR,STABLE,EXTENDED)"},
    {"MonitoringConfig",
     "advancedDatapathObservabilityConfig:* componentConfig:@MonitoringComponentConfig "
     "managedPrometheusConfig:@ManagedPrometheusConfig"},
    {"LoggingConfig", "componentConfig:@LoggingComponentConfig"},
    {"ManagedPrometheusConfig", "autoMonitoringConfig:* enabled:b"},
    {"MonitoringComponentConfig",
     " "
     "enableComponents:[e(EnableComponents,SYSTEM_COMPONENTS,APISERVER,SCHEDULER,CONTROLLER_"
     "MANAGER,STORAGE,HPA,POD,DAEMONSET,DEPLOYMENT,STATEFULSET,CADVISOR,KUBELET,DCGM,JOBSET)"},
    {"LoggingComponentConfig",
     " "
     "enableComponents:[e(EnableComponents,SYSTEM_COMPONENTS,WORKLOADS,APISERVER,SCHEDULER,"
     "CONTROLLER_MANAGER,KCP_SSHD,KCP_CONNECTION,KCP_HPA,KCP_VPA)"},
    {"WorkloadMetadataConfig", "mode:e(Mode,GCE_METADATA,GKE_METADATA)"},
    {"Autopilot",
     "clusterPolicyConfig:* enabled:b privilegedAdmissionConfig:* workloadPolicyConfig:*"},
    {"GatewayAPIConfig",
     "channel:e(Channel,CHANNEL_DISABLED,CHANNEL_EXPERIMENTAL,CHANNEL_STANDARD)"},
    {"HttpLoadBalancing", "disabled:b"},
    {"HorizontalPodAutoscaling", "disabled:b"},
    {"KubernetesDashboard", "disabled:b"},
    {"NetworkPolicyConfig", "disabled:b"},
    {"GcePersistentDiskCsiDriverConfig", "enabled:b"},
    {"GcsFuseCsiDriverConfig", "enabled:b"},
    {"DnsCacheConfig", "enabled:b"},
    {"ShieldedNodes", "enabled:b"},
    {"WorkloadIdentityConfig", "workloadPool:s"},
    {"MasterAuthorizedNetworksConfig",
     "cidrBlocks:[@CidrBlock enabled:b gcpPublicCidrsAccessEnabled:b "
     "privateEndpointEnforcementEnabled:b"},
    {"CidrBlock", "cidrBlock:s displayName:s"},
    {"VirtualNIC", "enabled:b"},
    {"GcfsConfig", "enabled:b"},
    {"NetworkTags", "tags:[s"},
};

const struct schema container_schema = {"google.container.v1", messages,
                                        sizeof(messages) / sizeof(messages[0]), false};
