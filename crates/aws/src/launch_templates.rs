//! The port `LaunchTemplates` over the SDK of EC2.

use crate::client::Aws;
use crate::{classify, convert};
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types as wire;
use vpccni_core::ids::InstanceType;
use vpccni_core::ports::groups::{LaunchTemplates, NewTemplate, NewVersion, TemplateRef, TemplateVersion};
use vpccni_core::ports::{Answer, CloudError, CloudErrorKind};

const DESCRIBE_TEMPLATES: &str = "ec2:DescribeLaunchTemplates";
const DESCRIBE_VERSIONS: &str = "ec2:DescribeLaunchTemplateVersions";
const CREATE_VERSION: &str = "ec2:CreateLaunchTemplateVersion";
const CREATE_TEMPLATE: &str = "ec2:CreateLaunchTemplate";

/// What EC2 says of a template, or of a version of one, that is not there.
const ABSENT: [&str; 4] = [
    "InvalidLaunchTemplateId.NotFound",
    "InvalidLaunchTemplateId.VersionNotFound",
    "InvalidLaunchTemplateName.NotFoundException",
    "InvalidLaunchTemplateVersion.NotFound",
];

const TAKEN: &str = "InvalidLaunchTemplateName.AlreadyExistsException";

fn unreadable(action: &'static str, what: impl std::fmt::Display) -> CloudError {
    CloudError {
        kind: CloudErrorKind::Internal,
        action,
        code: "UnreadableAnswer".to_owned(),
        message: format!("the answer cannot be read: {what}"),
    }
}

fn whole(action: &'static str, field: &'static str, value: Option<i64>) -> Result<u64, CloudError> {
    let value = value.and_then(|value| u64::try_from(value).ok());
    value.ok_or_else(|| unreadable(action, format_args!("{field} is missing")))
}

fn reference(action: &'static str, template: &wire::LaunchTemplate) -> Result<TemplateRef, CloudError> {
    let id = convert::parsed("launchTemplateId", template.launch_template_id());
    Ok(TemplateRef {
        id: id.map_err(|error| unreadable(action, error))?,
        version: whole(action, "latestVersionNumber", template.latest_version_number())?.to_string(),
    })
}

impl Aws {
    async fn describe_template(&self, id: &str) -> Result<Option<wire::LaunchTemplate>, CloudError> {
        let call = self.ec2.describe_launch_templates().launch_template_ids(id);
        match call.send().await {
            Ok(out) => Ok(out.launch_templates().first().cloned()),
            Err(error) if error.code().is_some_and(|code| ABSENT.contains(&code)) => Ok(None),
            Err(error) => Err(classify::error(DESCRIBE_TEMPLATES, &error)),
        }
    }

    async fn describe_version(&self, which: &TemplateRef) -> Result<Option<TemplateVersion>, CloudError> {
        let call = self.ec2.describe_launch_template_versions();
        let call = call
            .launch_template_id(which.id.as_str())
            .versions(&which.version);
        let versions = match call.send().await {
            Ok(out) => out.launch_template_versions().to_vec(),
            Err(error) if error.code().is_some_and(|code| ABSENT.contains(&code)) => return Ok(None),
            Err(error) => return Err(classify::error(DESCRIBE_VERSIONS, &error)),
        };
        let Some(version) = versions.first() else {
            return Ok(None);
        };
        let Some(template) = self.describe_template(which.id.as_str()).await? else {
            return Ok(None);
        };
        let data = version.launch_template_data();
        let kind = data.and_then(|data| data.instance_type());
        let text = |text: Option<&str>| text.map(str::to_owned);
        Ok(Some(TemplateVersion {
            id: which.id.clone(),
            name: text(version.launch_template_name()).unwrap_or_default(),
            created_by: text(version.created_by()).unwrap_or_default(),
            number: whole(DESCRIBE_VERSIONS, "versionNumber", version.version_number())?,
            default: whole(
                DESCRIBE_TEMPLATES,
                "defaultVersionNumber",
                template.default_version_number(),
            )?,
            latest: whole(
                DESCRIBE_TEMPLATES,
                "latestVersionNumber",
                template.latest_version_number(),
            )?,
            tags: convert::tags(template.tags()),
            user_data: text(data.and_then(|data| data.user_data())).filter(|data| !data.is_empty()),
            image: text(data.and_then(|data| data.image_id())),
            instance_type: kind.and_then(|kind| InstanceType::parse(kind.as_str()).ok()),
            description: text(version.version_description()),
        }))
    }

    async fn send_version(&self, new: &NewVersion) -> Result<u64, CloudError> {
        let NewVersion {
            id,
            source,
            user_data,
            description,
            token,
        } = new;
        let data = wire::RequestLaunchTemplateData::builder().user_data(user_data);
        let call = self
            .ec2
            .create_launch_template_version()
            .launch_template_id(id.as_str())
            .source_version(source.to_string())
            .version_description(description)
            .launch_template_data(data.build())
            .client_token(token);
        let out = call
            .send()
            .await
            .map_err(|error| classify::error(CREATE_VERSION, &error))?;
        let made = out.launch_template_version();
        whole(
            CREATE_VERSION,
            "versionNumber",
            made.and_then(wire::LaunchTemplateVersion::version_number),
        )
    }

    async fn send_template(&self, new: &NewTemplate) -> Result<TemplateRef, CloudError> {
        let NewTemplate {
            name,
            user_data,
            volume,
            tags,
            token,
        } = new;
        let pairs = tags
            .iter()
            .map(|(key, value)| wire::Tag::builder().key(key).value(value).build());
        let tagged = wire::TagSpecification::builder()
            .resource_type(wire::ResourceType::LaunchTemplate)
            .set_tags(Some(pairs.collect()));
        let data = wire::RequestLaunchTemplateData::builder()
            .user_data(user_data)
            .set_block_device_mappings(volume.as_ref().map(|volume| vec![mapping(volume)]));
        let call = self
            .ec2
            .create_launch_template()
            .launch_template_name(name)
            .launch_template_data(data.build())
            .client_token(token)
            .set_tag_specifications((!tags.is_empty()).then(|| vec![tagged.build()]));
        match call.send().await {
            Ok(out) => {
                let made = out.launch_template();
                let made = made.ok_or_else(|| unreadable(CREATE_TEMPLATE, "there is no template in it"))?;
                reference(CREATE_TEMPLATE, made)
            }
            Err(error) if error.code() == Some(TAKEN) => {
                let taken = classify::error(CREATE_TEMPLATE, &error);
                self.template_of_ours(new).await?.ok_or(taken)
            }
            Err(error) => Err(classify::error(CREATE_TEMPLATE, &error)),
        }
    }

    /// The template of that name, where it has all the tags of the new one: made by an earlier try whose token EC2 has
    /// forgotten.
    async fn template_of_ours(&self, new: &NewTemplate) -> Result<Option<TemplateRef>, CloudError> {
        let call = self
            .ec2
            .describe_launch_templates()
            .launch_template_names(&new.name);
        let out = call
            .send()
            .await
            .map_err(|error| classify::error(DESCRIBE_TEMPLATES, &error))?;
        let found = out.launch_templates().first();
        let found = found.filter(|template| {
            let tags = convert::tags(template.tags());
            !new.tags.is_empty() && new.tags.iter().all(|(key, value)| tags.get(key) == Some(value))
        });
        found
            .map(|template| reference(DESCRIBE_TEMPLATES, template))
            .transpose()
    }
}

fn mapping((device, gib): &(String, u32)) -> wire::LaunchTemplateBlockDeviceMappingRequest {
    let volume = wire::LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_size(i32::try_from(*gib).unwrap_or(i32::MAX))
        .delete_on_termination(true);
    wire::LaunchTemplateBlockDeviceMappingRequest::builder()
        .device_name(device)
        .ebs(volume.build())
        .build()
}

impl LaunchTemplates for Aws {
    fn template_version<'a>(&'a self, which: &'a TemplateRef) -> Answer<'a, Option<TemplateVersion>> {
        Box::pin(self.describe_version(which))
    }

    fn create_version<'a>(&'a self, new: &'a NewVersion) -> Answer<'a, u64> {
        Box::pin(self.send_version(new))
    }

    fn create_template<'a>(&'a self, new: &'a NewTemplate) -> Answer<'a, TemplateRef> {
        Box::pin(self.send_template(new))
    }
}
