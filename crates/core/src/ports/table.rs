//! Every call of the ports of AWS as one table: whoever wraps a port, to count or to refuse, wraps all of it.

/// Gives the table to a macro: `port as field { call(name: type, …) -> answer = "action"; … }`. Types are whole paths;
/// the lifetime of references is `'a`.
#[macro_export]
macro_rules! with_cloud_ports {
    ($with:ident) => {
        $with! {
            $crate::ports::Ec2 as ec2 {
                subnets(vpc: &'a $crate::ids::VpcId) -> Vec<$crate::ports::Subnet> = "ec2:DescribeSubnets";
                subnets_by_id(ids: &'a [$crate::ids::SubnetId]) -> Vec<$crate::ports::Subnet> = "ec2:DescribeSubnets";
                reservations(subnet: &'a $crate::ids::SubnetId) -> Vec<$crate::ports::Reservation>
                    = "ec2:GetSubnetCidrReservations";
                interfaces(vpc: &'a $crate::ids::VpcId) -> Vec<$crate::ports::Eni> = "ec2:DescribeNetworkInterfaces";
                interfaces_of(instances: &'a [$crate::ids::InstanceId]) -> Vec<$crate::ports::Eni>
                    = "ec2:DescribeNetworkInterfaces";
                security_groups(vpc: &'a $crate::ids::VpcId) -> Vec<$crate::ports::SecurityGroup>
                    = "ec2:DescribeSecurityGroups";
                security_groups_by_id(ids: &'a [$crate::ids::SecurityGroupId]) -> Vec<$crate::ports::SecurityGroup>
                    = "ec2:DescribeSecurityGroups";
                instances(ids: &'a [$crate::ids::InstanceId]) -> Vec<$crate::ports::Instance>
                    = "ec2:DescribeInstances";
                instance_types(types: &'a [$crate::ids::InstanceType])
                    -> std::collections::BTreeMap<$crate::ids::InstanceType, $crate::limits::InstanceLimits>
                    = "ec2:DescribeInstanceTypes";
            }
            $crate::ports::Eks as eks {
                nodegroups(cluster: &'a str) -> Vec<String> = "eks:ListNodegroups";
                nodegroup(cluster: &'a str, name: &'a str) -> Option<$crate::ports::Nodegroup>
                    = "eks:DescribeNodegroup";
                addon(cluster: &'a str, name: &'a str) -> Option<$crate::ports::Addon> = "eks:DescribeAddon";
                addon_versions(name: &'a str, kubernetes: &'a str) -> Vec<String> = "eks:DescribeAddonVersions";
                update_addon(update: &'a $crate::ports::AddonUpdate) -> String = "eks:UpdateAddon";
            }
            $crate::ports::groups::AutoScaling as scaling {
                groups(names: &'a [String]) -> Vec<$crate::ports::groups::ScalingGroup>
                    = "autoscaling:DescribeAutoScalingGroups";
                groups_of(instances: &'a [$crate::ids::InstanceId])
                    -> std::collections::BTreeMap<$crate::ids::InstanceId, String>
                    = "autoscaling:DescribeAutoScalingInstances";
                set_desired(group: &'a str, desired: u32) -> () = "autoscaling:SetDesiredCapacity";
                set_bounds(group: &'a str, min: Option<u32>, max: Option<u32>) -> ()
                    = "autoscaling:UpdateAutoScalingGroup";
                protect(group: &'a str, instances: &'a [$crate::ids::InstanceId], on: bool) -> ()
                    = "autoscaling:SetInstanceProtection";
                suspend(group: &'a str, processes: &'a [String]) -> () = "autoscaling:SuspendProcesses";
                resume(group: &'a str, processes: &'a [String]) -> () = "autoscaling:ResumeProcesses";
                terminate(instance: &'a $crate::ids::InstanceId, decrement: bool) -> ()
                    = "autoscaling:TerminateInstanceInAutoScalingGroup";
                use_template(group: &'a str, template: &'a $crate::ports::groups::TemplateRef) -> ()
                    = "autoscaling:UpdateAutoScalingGroup";
                tag(group: &'a str, tags: &'a std::collections::BTreeMap<String, String>) -> ()
                    = "autoscaling:CreateOrUpdateTags";
                untag(group: &'a str, keys: &'a [String]) -> () = "autoscaling:DeleteTags";
            }
            $crate::ports::groups::LaunchTemplates as templates {
                template_version(which: &'a $crate::ports::groups::TemplateRef)
                    -> Option<$crate::ports::groups::TemplateVersion>
                    = "ec2:DescribeLaunchTemplateVersions";
                create_version(new: &'a $crate::ports::groups::NewVersion) -> u64
                    = "ec2:CreateLaunchTemplateVersion";
                create_template(new: &'a $crate::ports::groups::NewTemplate) -> $crate::ports::groups::TemplateRef
                    = "ec2:CreateLaunchTemplate";
            }
            $crate::ports::groups::NodeGroups as node_groups {
                managed_group(cluster: &'a str, name: &'a str) -> Option<$crate::ports::groups::ManagedGroup>
                    = "eks:DescribeNodegroup";
                create_like(copy: &'a $crate::ports::groups::NodeGroupCopy) -> () = "eks:CreateNodegroup";
                resize(cluster: &'a str, name: &'a str, size: $crate::ports::groups::GroupSize) -> String
                    = "eks:UpdateNodegroupConfig";
                roll(roll: &'a $crate::ports::groups::NodeGroupRoll) -> String = "eks:UpdateNodegroupVersion";
                group_update(cluster: &'a str, name: &'a str, id: &'a str)
                    -> Option<$crate::ports::groups::GroupUpdate>
                    = "eks:DescribeUpdate";
                delete_group(cluster: &'a str, name: &'a str) -> () = "eks:DeleteNodegroup";
            }
        }
    };
}
