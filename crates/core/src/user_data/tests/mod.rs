//! What user data people write, before and after; and what is not understood.

mod nodeadm;

use super::*;

/// Text, the number it says, and the text with 110 pods.
type Row = (&'static str, Option<u32>, &'static str);

fn check(rows: &[Row]) {
    for (before, value, after) in rows {
        assert_eq!(max_pods(before), Ok(*value), "{before}");
        let changed = with_max_pods(before, 110, Family::Unknown);
        assert_eq!(changed.as_deref(), Ok(*after), "{before}");
        // The same again changes nothing, and the number is there.
        assert_eq!(max_pods(after), Ok(Some(110)), "{after}");
        assert_eq!(with_max_pods(after, 110, Family::Unknown).as_deref(), Ok(*after));
        // Nothing but the number depends on the number.
        let other = with_max_pods(after, 29, Family::Unknown).expect("understood");
        assert_eq!(with_max_pods(&other, 110, Family::Unknown).as_deref(), Ok(*after));
    }
}

fn refused(text: &str) -> String {
    let why = with_max_pods(text, 110, Family::Unknown)
        .expect_err(text)
        .to_string();
    assert_eq!(
        max_pods(text).map_err(|e| e.to_string()),
        Err(why.clone()),
        "{text}"
    );
    why.strip_prefix("the user data is not understood: ")
        .unwrap_or(&why)
        .to_owned()
}

#[test]
fn the_arguments_of_bootstrap() {
    check(&[
        (
            "#!/bin/bash\nset -ex\n/etc/eks/bootstrap.sh prod\n",
            None,
            "#!/bin/bash\nset -ex\n/etc/eks/bootstrap.sh --use-max-pods false --kubelet-extra-args '--max-pods=110' prod\n",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh prod --use-max-pods false --kubelet-extra-args '--max-pods=29'\n",
            Some(29),
            "#!/bin/bash\n/etc/eks/bootstrap.sh prod --use-max-pods false --kubelet-extra-args '--max-pods=110'\n",
        ),
        (
            "#!/bin/bash\nsudo /etc/eks/bootstrap.sh prod --use-max-pods true \\\n  --kubelet-extra-args \"--node-labels=a=$B --max-pods 29\" # x\necho done",
            Some(29),
            "#!/bin/bash\nsudo /etc/eks/bootstrap.sh prod --use-max-pods false \\\n  --kubelet-extra-args \"--node-labels=a=$B --max-pods 110\" # x\necho done",
        ),
        (
            "#!/bin/sh\r\nexec /etc/eks/bootstrap.sh 'prod' --kubelet-extra-args '--node-labels=team=net'\r\n",
            None,
            "#!/bin/sh\r\nexec /etc/eks/bootstrap.sh --use-max-pods false 'prod' --kubelet-extra-args '--node-labels=team=net --max-pods=110'\r\n",
        ),
        (
            "#!/bin/bash\nB64=x API=\"y\" /etc/eks/bootstrap.sh prod --kubelet-extra-args --node-labels=a=b --use-max-pods false",
            None,
            "#!/bin/bash\nB64=x API=\"y\" /etc/eks/bootstrap.sh prod --kubelet-extra-args '--node-labels=a=b --max-pods=110' --use-max-pods false",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh prod --kubelet-extra-args --node-labels=z=$ZONE --use-max-pods false",
            None,
            "#!/bin/bash\n/etc/eks/bootstrap.sh prod --kubelet-extra-args \"--node-labels=z=$ZONE --max-pods=110\" --use-max-pods false",
        ),
        (
            "#!/bin/bash\nif true; then /etc/eks/bootstrap.sh \"$NAME\" --use-max-pods 'false' --kubelet-extra-args ''; fi\n",
            None,
            "#!/bin/bash\nif true; then /etc/eks/bootstrap.sh \"$NAME\" --use-max-pods 'false' --kubelet-extra-args '--max-pods=110'; fi\n",
        ),
    ]);
}

#[test]
fn comments_documents_and_texts_are_no_call() {
    let script = "#!/bin/bash\n# /etc/eks/bootstrap.sh old\ncat <<-'END' > /tmp/x\n/etc/eks/bootstrap.sh in a file\n\tEND\n\
                  X=$(echo \"a)\" 'b)'; date)\necho \"/etc/eks/bootstrap.sh said\"\n/etc/eks/bootstrap.sh prod 2>&1 | tee /log\n";
    let changed = with_max_pods(script, 50, Family::Al2).expect("understood");
    let expected = script.replace(
        "bootstrap.sh prod",
        "bootstrap.sh --use-max-pods false --kubelet-extra-args '--max-pods=50' prod",
    );
    assert_eq!(changed, expected);
}

#[test]
fn scripts_that_are_not_understood() {
    for (script, why) in [
        (
            "#!/bin/bash\necho hello\n",
            "the script does not call /etc/eks/bootstrap.sh",
        ),
        (
            "#!/bin/bash\nsed -i s/a/b/ /etc/eks/bootstrap.sh\n/etc/eks/bootstrap.sh prod\n",
            "the script does something else with /etc/eks/bootstrap.sh than calling it",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh a || /etc/eks/bootstrap.sh b\n",
            "the script calls /etc/eks/bootstrap.sh more than once",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh a --kubelet-extra-args \"--max-pods=$N\"\n",
            "--max-pods is not a plain number",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh a --kubelet-extra-args \"$ARGS\"\n",
            "--kubelet-extra-args comes from a variable or a command",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh a --kubelet-extra-args '--v=2'\"$ARGS\"\n",
            "--kubelet-extra-args is put together from several pieces",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh a --use-max-pods $U\n",
            "--use-max-pods is $U",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh a --use-max-pods false --use-max-pods true\n",
            "--use-max-pods is given twice",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh a --kubelet-extra-args\n",
            "--kubelet-extra-args has no value",
        ),
        (
            "#!/bin/bash\n/etc/eks/bootstrap.sh 'a\n",
            "a quote in the script is not closed",
        ),
    ] {
        assert_eq!(refused(script), why, "{script}");
    }
}

#[test]
fn settings_of_bottlerocket() {
    check(&[
        (
            "# ours\n[settings.kubernetes]\ncluster-name = \"prod\"\nmax-pods = 29 # few\n\n[settings.host-containers.admin]\nenabled = false\n",
            Some(29),
            "# ours\n[settings.kubernetes]\ncluster-name = \"prod\"\nmax-pods = 110 # few\n\n[settings.host-containers.admin]\nenabled = false\n",
        ),
        (
            "[settings.kubernetes]\ncluster-name = \"prod\"\n",
            None,
            "[settings.kubernetes]\nmax-pods = 110\ncluster-name = \"prod\"\n",
        ),
        (
            "[settings.kubernetes.node-labels]\nteam = \"net\"\nlist = [\n  \"[a\", # ]\n  \"b\"\n]\n",
            None,
            "[settings.kubernetes.node-labels]\nteam = \"net\"\nlist = [\n  \"[a\", # ]\n  \"b\"\n]\n\n[settings.kubernetes]\nmax-pods = 110\n",
        ),
        (
            "[settings]\nmotd = \"\"\"\nmax-pods = 1\n\"\"\"\nkubernetes.cluster-name = \"prod\"",
            None,
            "[settings]\nmotd = \"\"\"\nmax-pods = 1\n\"\"\"\nkubernetes.max-pods = 110\nkubernetes.cluster-name = \"prod\"",
        ),
        (
            "settings.kubernetes.\"max-pods\" = 29\r\n",
            Some(29),
            "settings.kubernetes.\"max-pods\" = 110\r\n",
        ),
        (
            "[ settings . kubernetes ]\r\ncluster-name = 'prod'",
            None,
            "[ settings . kubernetes ]\r\nmax-pods = 110\r\ncluster-name = 'prod'",
        ),
        (
            "[settings.ntp]\ntime-servers = []",
            None,
            "[settings.ntp]\ntime-servers = []\n\n[settings.kubernetes]\nmax-pods = 110\n",
        ),
    ]);
    assert_eq!(
        with_max_pods("", 110, Family::Bottlerocket).as_deref(),
        Ok("[settings.kubernetes]\nmax-pods = 110\n")
    );
}

#[test]
fn settings_that_are_not_understood() {
    for (text, why) in [
        (
            "[settings]\nkubernetes = { max-pods = 3 }\n",
            "settings.kubernetes is an inline table",
        ),
        (
            "[settings.kubernetes]\nmax-pods = \"3\"\n",
            "max-pods is not a plain number",
        ),
        (
            "[settings.kubernetes]\nmax-pods = 3\nmax-pods = 4\n",
            "max-pods is there twice",
        ),
        (
            "[settings.kubernetes]\nwhat is this\n",
            "the line \"what is this\" is no setting",
        ),
    ] {
        assert_eq!(refused(text), why, "{text}");
    }
}

#[test]
fn what_is_nothing_of_all_that() {
    assert_eq!(
        refused("<powershell>\necho\n</powershell>\n"),
        "it is no MIME document, no script, no NodeConfig and no settings of Bottlerocket"
    );
    assert_eq!(max_pods(" \n"), Ok(None));
    for family in [Family::Al2, Family::Unknown] {
        assert!(with_max_pods("", 110, family).is_err(), "{family:?}");
    }
}

#[test]
fn base64_goes_both_ways_and_nothing_else_is_taken_for_it() {
    let script =
        "#!/bin/bash\n/etc/eks/bootstrap.sh prod --use-max-pods false --kubelet-extra-args '--max-pods=29'\n";
    let encoded = base64::encode(script.as_bytes());
    assert_eq!(max_pods_of_encoded(Some(&encoded)), Ok(Some(29)));
    let changed = encoded_with_max_pods(Some(&encoded), 110, Family::Al2).expect("understood");
    let plain = base64::decode(&changed).and_then(|bytes| String::from_utf8(bytes).ok());
    assert_eq!(plain, Some(script.replace("=29", "=110")));
    assert_eq!(max_pods_of_encoded(None), Ok(None));
    assert_eq!(max_pods_of_encoded(Some("?")), Err(UserDataError::NotBase64));
    let of = |bytes: &[u8]| max_pods_of_encoded(Some(&base64::encode(bytes)));
    assert_eq!(of(&[0x1f, 0x8b, 8]), Err(UserDataError::NotText("compressed")));
    assert_eq!(of(&[0xff, 0xfe]), Err(UserDataError::NotText("not UTF-8")));
}

#[test]
fn families_by_the_type_of_image() {
    for (ami_type, family) in [
        ("AL2_x86_64", Family::Al2),
        ("AL2023_ARM_64_STANDARD", Family::Al2023),
        ("BOTTLEROCKET_x86_64_NVIDIA", Family::Bottlerocket),
        ("CUSTOM", Family::Unknown),
    ] {
        assert_eq!(Family::of_ami_type(ami_type), family, "{ami_type}");
    }
}
